//! [`ArtifactWriter`]: puts an artifact together and writes it, without holding the file in memory.

use std::collections::BTreeMap;

use super::data::DataSection;
use super::header::{self, FORMAT_VERSION, MAX_SECTION_COUNT, PAGE_BYTES, Section, SectionKind, page_up};
use super::parts::{Parts, Prepacking};
use super::{DeviceKey, DeviceManifest, Manifest, ModelManifest, PortableManifest};
use crate::model::{Bytes, ExternalDataResolver, Model};
use crate::{Error, Result};

/// How many devices fit: two sections each, beside manifest and portable sections.
const MAX_DEVICE_COUNT: usize = (MAX_SECTION_COUNT - 3) / 2;

type Sink<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Puts an artifact together from the original model and the models that were compiled from it.
///
/// Payloads are shared, not copied: memory maps and buffers that the models come from live as long as the writer.
///
/// # Examples
/// ```
/// use ortlet::artifact::{Artifact, ArtifactWriter, ModelManifest};
/// use ortlet::model::{Model, NoExternalData};
///
/// let model = Model { producer_name: Some("me".into()), ..Model::default() };
/// let about = ModelManifest { name: "example".into(), ..ModelManifest::default() };
/// let writer = ArtifactWriter::new(&model, &NoExternalData, about)?;
/// let mut file = Vec::new();
/// writer.write_to(&mut |bytes| {
///     file.extend_from_slice(bytes);
///     Ok(())
/// })?;
/// assert_eq!(Artifact::parse(file)?.manifest().model.name, "example");
/// # Ok::<(), ortlet::Error>(())
/// ```
pub struct ArtifactWriter {
    /// See [`Manifest::created_unix_s`].
    pub created_unix_s: u64,
    /// See [`Manifest::written_mtime_ns`].
    pub written_mtime_ns: Option<u64>,
    /// See [`Manifest::measured`]. The figures have to be finite.
    pub measured: BTreeMap<String, f64>,
    /// See [`Manifest::report`].
    pub report: Option<serde_json::Value>,
    /// See [`Manifest::plans`].
    pub plans: Vec<serde_json::Value>,
    model: ModelManifest,
    portable: Parts,
    devices: Vec<Device>,
}

struct Device {
    key: DeviceKey,
    parts: Parts,
    notes: Vec<String>,
}

/// A section whose place is known.
struct Planned {
    section: Section,
    /// Places in the file and contents, in ascending order.
    pieces: Vec<(u64, Bytes)>,
}

impl ArtifactWriter {
    /// Starts with the original model. `resolver` reads its external data; `about` goes into the manifest.
    ///
    /// Initializers and values of `Constant` nodes of at least 1 KiB (of type `int64`: 64 KiB) go to the portable
    /// data. Everything else stays as it is.
    ///
    /// # Errors
    /// `invalid_model` if external data does not fit its tensor, and the errors of `resolver`.
    pub fn new(model: &Model, resolver: &dyn ExternalDataResolver, about: ModelManifest) -> Result<Self> {
        Ok(Self {
            created_unix_s: 0,
            written_mtime_ns: None,
            measured: BTreeMap::new(),
            report: None,
            plans: Vec::new(),
            model: about,
            portable: Parts::of(model, resolver, Prepacking::Drop)?,
            devices: Vec::new(),
        })
    }

    /// Adds a model that ONNX Runtime has optimised for one device, or replaces the one with the same key; gives its
    /// index.
    ///
    /// `data` reads the external data file that ONNX Runtime wrote beside it. Tensors that are in the portable data
    /// too are not stored again.
    ///
    /// # Errors
    /// `invalid_model` if external data or pre-packed weights do not fit the model, `limit_exceeded` beyond 28
    /// devices, and the errors of `data`.
    pub fn set_device(
        &mut self,
        key: DeviceKey,
        model: &Model,
        data: &dyn ExternalDataResolver,
        notes: Vec<String>,
    ) -> Result<usize> {
        let parts = Parts::of(model, data, Prepacking::Keep)?;
        let index = self.devices.iter().position(|device| device.key == key).unwrap_or(self.devices.len());
        let device = Device { key, parts, notes };
        match self.devices.get_mut(index) {
            Some(old) => *old = device,
            None if index >= MAX_DEVICE_COUNT => {
                let (limit, actual) = (MAX_DEVICE_COUNT as u64, index as u64 + 1);
                return Err(Error::limit_exceeded("number of devices in an artifact", limit, actual));
            }
            None => self.devices.push(device),
        }
        Ok(index)
    }

    /// Removes a device; those after it move up. Gives its key, or `None` if there is no such device.
    pub fn remove_device(&mut self, index: usize) -> Option<DeviceKey> {
        (index < self.devices.len()).then(|| self.devices.remove(index).key)
    }

    /// What is said about the original model.
    pub fn model(&self) -> &ModelManifest {
        &self.model
    }

    /// The keys of the devices, by index.
    pub fn devices(&self) -> impl Iterator<Item = &DeviceKey> {
        self.devices.iter().map(|device| &device.key)
    }

    /// Writes the artifact piece by piece and gives the manifest that is in it. Reads everything twice: for the
    /// digests, and for writing.
    ///
    /// # Errors
    /// `invalid_argument` if a measured figure is not finite, `limit_exceeded` if a model is larger than 2 GiB without
    /// its data, both before anything is written; and the errors of `sink`, which end the writing.
    pub fn write_to(&self, sink: &mut Sink<'_>) -> Result<Manifest> {
        let (manifest, plan) = self.plan()?;
        let sections: Vec<Section> = plan.iter().map(|planned| planned.section).collect();
        let end = sections.last().map_or(PAGE_BYTES, |last| last.range().end);
        sink(&header::encode(&sections, end)?)?;
        let mut at = PAGE_BYTES;
        for planned in &plan {
            at = emit(at, &planned.pieces, sink)?;
        }
        Ok(manifest)
    }

    /// Gives everything its place. Data comes first: the models, which name places in it, must not move it.
    fn plan(&self) -> Result<(Manifest, Vec<Planned>)> {
        let mut plan = Plan { planned: Vec::new(), end: PAGE_BYTES };
        let mut manifest = self.manifest()?;
        let mut portable_data = plan.new_data()?;
        let portable_model = self.portable.placed(None, &mut portable_data)?;
        manifest.portable.data_bytes = portable_data.len();
        plan.end = portable_data.end();
        let mut device_models = Vec::new();
        let mut device_data = Vec::new();
        for (device, about) in self.devices.iter().zip(&mut manifest.devices) {
            let mut data = plan.new_data()?;
            device_models.push(device.parts.placed(Some(&portable_data), &mut data)?);
            about.data_bytes = data.len();
            plan.end = data.end();
            device_data.push(data);
        }
        plan.push_data(SectionKind::PortableData, 0, portable_data)?;
        for (index, data) in (0..).zip(device_data) {
            plan.push_data(SectionKind::DeviceData, index, data)?;
        }
        manifest.portable.model_bytes =
            plan.push(SectionKind::PortableModel, 0, portable_model.to_bytes()?)?;
        for ((index, model), about) in (0..).zip(device_models).zip(&mut manifest.devices) {
            about.model_bytes = plan.push(SectionKind::DeviceModel, index, model.to_bytes()?)?;
        }
        plan.push(SectionKind::Manifest, 0, to_json(&manifest)?)?;
        Ok((manifest, plan.planned))
    }

    /// The manifest, without the sizes that planning finds out.
    fn manifest(&self) -> Result<Manifest> {
        if let Some((name, figure)) = self.measured.iter().find(|(_, figure)| !figure.is_finite()) {
            return Err(Error::invalid_argument(
                "measured",
                format!("`{name}` is {figure}, which is no figure"),
            ));
        }
        let devices = (0..).zip(&self.devices).map(|(index, device)| device.manifest(index));
        Ok(Manifest {
            format_version: FORMAT_VERSION,
            ortlet_version: env!("CARGO_PKG_VERSION").into(),
            created_unix_s: self.created_unix_s,
            model: self.model.clone(),
            portable: PortableManifest { tensor_count: self.portable.tensor_count, ..Default::default() },
            devices: devices.collect(),
            written_mtime_ns: self.written_mtime_ns,
            measured: self.measured.clone(),
            report: self.report.clone(),
            plans: self.plans.clone(),
        })
    }
}

impl Device {
    fn manifest(&self, index: u32) -> DeviceManifest {
        DeviceManifest {
            index,
            key: self.key.clone(),
            prepacked_count: self.parts.prepacked_count,
            prepacked_bytes: self.parts.prepacked_bytes,
            tensor_count: self.parts.tensor_count,
            notes: self.notes.clone(),
            ..Default::default()
        }
    }
}

/// The sections so far.
struct Plan {
    planned: Vec<Planned>,
    /// Where the last section ends.
    end: u64,
}

impl Plan {
    /// The next border of a page.
    fn next_start(&self) -> Result<u64> {
        page_up(self.end).ok_or_else(|| Error::internal("an artifact beyond the end of numbers"))
    }

    fn new_data(&self) -> Result<DataSection> {
        Ok(DataSection::starting_at(self.next_start()?))
    }

    /// Adds a section after the others; gives its size.
    fn push(&mut self, kind: SectionKind, device: u32, content: Vec<u8>) -> Result<u64> {
        let (start, length) = (self.next_start()?, content.len() as u64);
        self.push_pieces(kind, device, start..start + length, vec![(start, Bytes::from(content))])?;
        self.end = start + length;
        Ok(length)
    }

    /// Adds a section that has its place already; none if it is empty.
    fn push_data(&mut self, kind: SectionKind, device: u32, data: DataSection) -> Result<()> {
        if data.len() == 0 {
            return Ok(());
        }
        let range = data.end() - data.len()..data.end();
        self.push_pieces(kind, device, range, data.into_pieces())
    }

    fn push_pieces(
        &mut self,
        kind: SectionKind,
        device: u32,
        range: std::ops::Range<u64>,
        pieces: Vec<(u64, Bytes)>,
    ) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        emit(range.start, &pieces, &mut |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        let section = Section {
            kind,
            device,
            offset_bytes: range.start,
            length_bytes: range.end - range.start,
            digest: *hasher.finalize().as_bytes(),
        };
        self.planned.push(Planned { section, pieces });
        Ok(())
    }
}

/// Writes the pieces with zeros between them; `at` is where the sink stands, and so is the result.
fn emit(mut at: u64, pieces: &[(u64, Bytes)], sink: &mut Sink<'_>) -> Result<u64> {
    let zeros = [0; PAGE_BYTES as usize];
    for (offset, bytes) in pieces {
        let padding = offset.checked_sub(at).and_then(|gap| zeros.get(..usize::try_from(gap).ok()?));
        let padding = padding.ok_or_else(|| Error::internal("pieces of an artifact out of order"))?;
        if !padding.is_empty() {
            sink(padding)?;
        }
        sink(bytes)?;
        at = offset + bytes.len() as u64;
    }
    Ok(at)
}

fn to_json(manifest: &Manifest) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(manifest)
        .map_err(|error| Error::internal(format!("write the manifest: {error}")))
}
