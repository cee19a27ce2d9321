//! [`DeviceKey`]: what a device section was made for, and what about it does not fit here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Everything that has to be the same for a device section to be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceKey {
    /// Digest of the original model, see [`model_digest`](super::model_digest).
    pub model_digest: String,
    /// Version of ONNX Runtime, for example `1.31.1`.
    pub runtime_version: String,
    /// ONNX Runtime's own words on how it was built.
    pub runtime_build: String,
    /// Name of the CPU; `None` if the section fits every CPU with the same features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Instruction sets of the CPU, for example `avx2`, in any order.
    #[serde(default)]
    pub cpu_features: Vec<String>,
    /// Architecture, for example `x86_64`.
    pub architecture: String,
    /// Digest of the session options that shape the optimised model.
    pub options_digest: String,
    /// Version of Ortlet.
    pub ortlet_version: String,
}

impl DeviceKey {
    /// The first thing that keeps what was made for `self` from being used with `here`; `None` if it fits.
    ///
    /// # Examples
    /// ```
    /// use ortlet::artifact::DeviceKey;
    ///
    /// let made = DeviceKey { runtime_version: "1.30.0".into(), ..DeviceKey::default() };
    /// let here = DeviceKey { runtime_version: "1.31.1".into(), ..DeviceKey::default() };
    /// let reason = made.mismatch(&here);
    /// assert_eq!(reason.as_deref(), Some("made for ONNX Runtime 1.30.0, this is 1.31.1"));
    /// assert_eq!(made.mismatch(&made), None);
    /// ```
    pub fn mismatch(&self, here: &Self) -> Option<String> {
        let differ = |what: &str, made: &str, here: &str| {
            (made != here).then(|| format!("made for {what} {}, this is {}", shown(made), shown(here)))
        };
        let silently = |what: &str, made: &str, here: &str| (made != here).then(|| format!("made {what}"));
        silently("from another model", &self.model_digest, &here.model_digest)
            .or_else(|| differ("ONNX Runtime", &self.runtime_version, &here.runtime_version))
            .or_else(|| differ("ONNX Runtime build", &self.runtime_build, &here.runtime_build))
            .or_else(|| differ("architecture", &self.architecture, &here.architecture))
            .or_else(|| self.features_mismatch(here))
            .or_else(|| self.cpu_mismatch(here))
            .or_else(|| silently("with other session options", &self.options_digest, &here.options_digest))
            .or_else(|| differ("Ortlet", &self.ortlet_version, &here.ortlet_version))
    }

    /// More features count too: ONNX Runtime would choose other kernels, with another layout of weights.
    fn features_mismatch(&self, here: &Self) -> Option<String> {
        let made: BTreeSet<&str> = self.cpu_features.iter().map(String::as_str).collect();
        let here: BTreeSet<&str> = here.cpu_features.iter().map(String::as_str).collect();
        let missing = made.difference(&here).next();
        let missing =
            missing.map(|name| format!("made for a CPU with {}, which this one lacks", shown(name)));
        missing.or_else(|| {
            let added = here.difference(&made).next()?;
            Some(format!("made for a CPU without {}, which this one has", shown(added)))
        })
    }

    fn cpu_mismatch(&self, here: &Self) -> Option<String> {
        let made = self.cpu_model.as_deref()?;
        let here = here.cpu_model.as_deref();
        let other = (here != Some(made)).then_some(here.unwrap_or("unknown"))?;
        Some(format!("made for CPU {}, this is {}", shown(made), shown(other)))
    }
}

/// At most as much of a text as belongs into a message.
fn shown(text: &str) -> String {
    if text.is_empty() { "(unknown)".into() } else { text.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey {
            model_digest: "ab".into(),
            runtime_version: "1.31.1".into(),
            runtime_build: "flags".into(),
            cpu_model: Some("Fast 9".into()),
            cpu_features: vec!["avx2".into(), "fma".into()],
            architecture: "x86_64".into(),
            options_digest: "cd".into(),
            ortlet_version: "0.1.0".into(),
        }
    }

    fn reason(change: impl FnOnce(&mut DeviceKey)) -> Option<String> {
        let mut here = key();
        change(&mut here);
        key().mismatch(&here)
    }

    #[test]
    fn every_difference_has_its_sentence() {
        let is = |found: Option<String>, words: &str| assert_eq!(found.as_deref(), Some(words));
        is(reason(|here| here.model_digest.clear()), "made from another model");
        is(reason(|here| here.runtime_build = "x".into()), "made for ONNX Runtime build flags, this is x");
        is(
            reason(|here| here.architecture = "aarch64".into()),
            "made for architecture x86_64, this is aarch64",
        );
        is(reason(|here| here.cpu_features.truncate(1)), "made for a CPU with fma, which this one lacks");
        is(
            reason(|here| here.cpu_features.push("amx".into())),
            "made for a CPU without amx, which this one has",
        );
        is(reason(|here| here.cpu_model = None), "made for CPU Fast 9, this is unknown");
        is(reason(|here| here.options_digest = "x".into()), "made with other session options");
        is(reason(|here| here.ortlet_version = "0.2.0".into()), "made for Ortlet 0.1.0, this is 0.2.0");
    }

    #[test]
    fn order_of_features_and_an_unnamed_cpu_do_not_matter() {
        assert_eq!(reason(|here| here.cpu_features.reverse()), None);
        let any = DeviceKey { cpu_model: None, ..key() };
        assert_eq!(any.mismatch(&key()), None);
    }
}
