//! Keeping a plan: in the cache folder, or in the artifact that it was made for.

use std::path::{Path, PathBuf};

use super::follow::{file_name, plan_key};
use super::{Plan, PlanKey};
use crate::engine::compile::command;
use crate::engine::compile::digest::{Checked, Remembered};
use crate::engine::compile::disk::map;
use crate::engine::compile::load::{Opened, is_artifact};
use crate::engine::compile::store::Store;
use crate::engine::runtime::{ModelFormat, Runtime, SessionOptions};
use crate::model::Model;
use crate::{Error, Result};

/// A model file that can be tuned.
pub(in crate::engine) struct Tunable {
    digest: String,
    /// The graph as it was given; `None` for models in ORT format.
    pub(in crate::engine) model: Option<Model>,
    is_artifact: bool,
}

impl Tunable {
    /// Reads and digests a model file or an artifact.
    ///
    /// # Errors
    /// Those of loading the model.
    pub(in crate::engine) fn open(path: &Path) -> Result<Self> {
        if is_artifact(&map(path)?) {
            let Opened { artifact, .. } = Opened::open(path, false)?;
            let digest = artifact.manifest().model.digest.clone();
            let model = Some(Model::parse(artifact.portable_model())?);
            return Ok(Self { digest, model, is_artifact: true });
        }
        let checked = Checked::open(path)?;
        if checked.format == ModelFormat::Ort {
            let digest = blake3::hash(&checked.bytes).to_hex().to_string();
            return Ok(Self { digest, model: None, is_artifact: false });
        }
        let model = Model::parse(checked.bytes.clone())?;
        let Remembered { digest, .. } = checked.digest()?;
        Ok(Self { digest, model: Some(model), is_artifact: false })
    }

    /// What a plan for this model is made for.
    pub(in crate::engine) fn key(&self, runtime: &Runtime, options: &SessionOptions) -> PlanKey {
        plan_key(runtime, &self.digest, options)
    }

    /// Puts a plan where later loads with the same options find it; gives the file. `None` if there is no such place:
    /// for a model that is loaded without a cache, and for one in ORT format.
    ///
    /// # Errors
    /// `io` if the file cannot be written, and for artifacts those of compiling.
    pub(in crate::engine) fn keep(
        &self,
        path: &Path,
        options: &SessionOptions,
        plan: &Plan,
    ) -> Result<Option<PathBuf>> {
        let stored = stored_form(plan);
        if self.is_artifact {
            let json = serde_json::to_value(&stored).map_err(|error| Error::internal(error.to_string()))?;
            let replaces = |other: &serde_json::Value| {
                serde_json::from_value::<Plan>(other.clone())
                    .is_ok_and(|other| other.made_for == plan.made_for)
            };
            command::add_plan(path, &plan.options(options), json, replaces)?;
            return Ok(Some(path.to_owned()));
        }
        let Some(folder) = options.cache.folder().filter(|_| self.model.is_some()) else {
            return Ok(None);
        };
        let json = serde_json::to_vec(&stored).map_err(|error| Error::internal(error.to_string()))?;
        Store::open(&folder).keep_plan(&file_name(&self.digest, options), &json).map(Some)
    }
}

/// The plan without what only its first reader needs.
fn stored_form(plan: &Plan) -> Plan {
    let mut stored = Plan { stored_in: None, warnings: Vec::new(), ..plan.clone() };
    stored.candidates.iter_mut().for_each(|candidate| candidate.rounds.clear());
    stored
}
