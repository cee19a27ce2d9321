//! [`Artifact`]: reads an artifact and checks it, without touching what is large.

use std::ops::Range;

use super::digest::digest;
use super::header::{self, Section, SectionKind};
use super::parts::Prepacking;
use super::relocate::Relocation;
use super::tensors;
use super::{ArtifactWriter, DeviceKey, DeviceManifest, EXTERNAL_LOCATION, Manifest, integrity};
use crate::error::ResultExt;
use crate::model::{Bytes, MemoryFiles, Model};
use crate::{Error, Result};

/// Far above any manifest, and far below what would hurt.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// More than the constants that rewriting compares with, and little beside weights.
#[allow(dead_code, reason = "only the native engine asks")]
const MAX_INSIDE_BYTES: u64 = 64 << 10;

/// A compiled model. See [the module](super) for what is inside.
///
/// Cloning shares the file's bytes. `Send` and `Sync`.
#[derive(Clone, Debug)]
pub struct Artifact {
    file: Bytes,
    sections: Vec<Section>,
    manifest: Manifest,
}

/// What an artifact holds for one device.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DevicePart<'a> {
    /// What it says about itself.
    pub manifest: &'a DeviceManifest,
    /// The model, as ONNX protobuf. Its external data lies in the artifact; see
    /// [`Artifact::relocated_device_model`].
    pub model: Bytes,
    /// The bytes of the file with the data that only this device needs; empty if it needs none.
    pub data: Range<u64>,
}

impl Artifact {
    /// Reads an artifact, usually from a memory map.
    ///
    /// Checks the header, the table of sections, and manifest and models against their digests. Does not touch the
    /// data sections, so that it takes the same time for any size of weights; [`Artifact::verify_data`] does. The
    /// models are whole afterwards, but what they say is checked only by [`Artifact::relocated_portable_model`] and
    /// [`Artifact::relocated_device_model`].
    ///
    /// # Errors
    /// `invalid_model` if this is no artifact, `unsupported` if it needs a newer Ortlet, `integrity` if it is damaged
    /// or incomplete, `limit_exceeded` if the manifest is larger than 16 MiB.
    pub fn parse(file: impl Into<Bytes>) -> Result<Self> {
        let file = file.into();
        let sections = header::decode(&file)?;
        let mut artifact = Self { file, sections, manifest: Manifest::default() };
        artifact.check_sections()?;
        artifact.manifest = artifact.read_manifest()?;
        artifact.check_manifest()?;
        Ok(artifact)
    }

    /// What the artifact says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The table of sections, in the order of the file.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Size of the file.
    pub fn size_bytes(&self) -> u64 {
        self.file.len() as u64
    }

    /// The portable model, as ONNX protobuf. Its external data lies in the artifact, which it knows as
    /// [`EXTERNAL_LOCATION`].
    pub fn portable_model(&self) -> Bytes {
        self.content(SectionKind::PortableModel, 0)
    }

    /// The bytes of the file with the tensors that all models may use; empty if there are none.
    pub fn portable_data(&self) -> Range<u64> {
        self.range(SectionKind::PortableData, 0)
    }

    /// What is there for a device, counted from 0 as in [`Manifest::devices`]; `None` beyond the last.
    pub fn device(&self, index: usize) -> Option<DevicePart<'_>> {
        let manifest = self.manifest.devices.get(index)?;
        Some(DevicePart {
            manifest,
            model: self.content(SectionKind::DeviceModel, manifest.index),
            data: self.range(SectionKind::DeviceData, manifest.index),
        })
    }

    /// The device whose sections fit `here`, counted from 0; otherwise a sentence that says why none does.
    ///
    /// # Errors
    /// The sentence, which is no failure: the portable model always fits.
    pub fn device_for(&self, here: &DeviceKey) -> Result<usize, String> {
        let devices = &self.manifest.devices;
        let mut reasons = Vec::new();
        for (index, device) in devices.iter().enumerate() {
            match device.key.mismatch(here) {
                None => return Ok(index),
                Some(reason) => reasons.push(reason),
            }
        }
        Err(match reasons.len() {
            0 => "the artifact has no device sections".into(),
            1 => reasons.remove(0),
            _ => {
                let numbered = reasons.iter().enumerate();
                numbered
                    .map(|(index, reason)| format!("device {index}: {reason}"))
                    .collect::<Vec<_>>()
                    .join("; ")
            }
        })
    }

    /// The portable model for ONNX Runtime, with the artifact as its external data file.
    ///
    /// `file_name` is the artifact's present name, without folders. Every reference is checked to lie in the portable
    /// data, and pre-packed weights are refused.
    ///
    /// # Errors
    /// `invalid_argument` if the name cannot be used, `invalid_model` if the model is damaged or refers to anything
    /// else, `limit_exceeded` as in [`Model::parse`].
    pub fn relocated_portable_model(&self, file_name: &str) -> Result<Vec<u8>> {
        self.relocated_portable(file_name)?.to_bytes()
    }

    /// As [`Artifact::relocated_portable_model`], not yet written.
    pub(crate) fn relocated_portable(&self, file_name: &str) -> Result<Model> {
        let (data, prepacking) = (vec![self.portable_data()], Prepacking::Drop);
        let relocation = Relocation { file_name, data, prepacking };
        relocation.apply(self.portable_model()).with_context(|| "portable model")
    }

    /// As [`Artifact::relocated_portable`], with what is not large inside of the model again, where rewriting looks for
    /// constants.
    #[allow(dead_code, reason = "only the native engine asks")]
    pub(crate) fn portable_to_change(&self, file_name: &str) -> Result<Model> {
        let mut model = self.relocated_portable(file_name)?;
        let files = MemoryFiles::from_iter([(file_name, self.file.clone())]);
        tensors::visit(&mut model, &mut |tensor, _| {
            let length = tensor.external_location()?.and_then(|location| location.length_bytes);
            if length.is_some_and(|length| length <= MAX_INSIDE_BYTES) {
                tensor.raw_data = Some(tensor.data_bytes(&files)?);
                tensor.external_data.clear();
                tensor.data_location = None;
            }
            Ok(())
        })?;
        Ok(model)
    }

    /// A device's model for ONNX Runtime, with the artifact as its external data file.
    ///
    /// As [`Artifact::relocated_portable_model`], but references may also lie in this device's data and may be to
    /// pre-packed weights. ONNX Runtime takes the *contents* of pre-packed weights on trust, and nothing can check
    /// them: use device models only of artifacts whose origin is trusted.
    ///
    /// # Errors
    /// As [`Artifact::relocated_portable_model`], and `not_found` if there is no such device.
    pub fn relocated_device_model(&self, index: usize, file_name: &str) -> Result<Vec<u8>> {
        self.relocated_device(index, file_name)?.to_bytes()
    }

    /// As [`Artifact::relocated_device_model`], not yet written.
    pub(crate) fn relocated_device(&self, index: usize, file_name: &str) -> Result<Model> {
        let device = self.device(index).ok_or_else(|| self.no_device(index))?;
        let data = vec![self.portable_data(), device.data];
        let relocation = Relocation { file_name, data, prepacking: Prepacking::Keep };
        relocation.apply(device.model).with_context(|| format!("model of device {index}"))
    }

    /// Checks what [`Artifact::parse`] leaves alone: the digests of the data sections and the padding. Reads the
    /// whole file.
    ///
    /// # Errors
    /// `integrity` naming the section that is damaged.
    pub fn verify_data(&self) -> Result<()> {
        let mut end = header::PAGE_BYTES;
        for section in &self.sections {
            let padding = self.slice(end..section.offset_bytes);
            if padding.iter().any(|&byte| byte != 0) {
                return Err(integrity("artifact", format!("bytes before the {section}")));
            }
            end = section.range().end;
            self.check_digest(section)?;
        }
        Ok(())
    }

    /// A writer with the contents of this artifact, to add, replace or remove devices.
    ///
    /// Sections of kinds that this version does not know are left out. The data stays where it is, so the file has to
    /// live until the new one is written, and the new one must be another file.
    ///
    /// # Errors
    /// Those of [`Artifact::verify_data`], because damage must not get a digest that matches, and those of
    /// [`Artifact::relocated_device_model`].
    pub fn to_writer(&self) -> Result<ArtifactWriter> {
        self.verify_data()?;
        let files = MemoryFiles::from_iter([(EXTERNAL_LOCATION, self.file.clone())]);
        // Relocated to where they are already, which checks their references.
        let model = self.relocated_portable(EXTERNAL_LOCATION)?;
        let mut writer = ArtifactWriter::new(&model, &files, self.manifest.model.clone())?;
        for (index, manifest) in self.manifest.devices.iter().enumerate() {
            let model = self.relocated_device(index, EXTERNAL_LOCATION)?;
            writer.set_device(manifest.key.clone(), &model, &files, manifest.notes.clone())?;
        }
        writer.created_unix_s = self.manifest.created_unix_s;
        writer.measured = self.manifest.measured.clone();
        writer.report = self.manifest.report.clone();
        writer.plans = self.manifest.plans.clone();
        Ok(writer)
    }

    fn no_device(&self, index: usize) -> Error {
        let available = (0..self.manifest.devices.len()).map(|index| index.to_string());
        Error::not_found("device of the artifact", index.to_string(), available)
    }

    /// Which sections there are, and the digests of those that parsing relies on.
    fn check_sections(&self) -> Result<()> {
        for kind in [SectionKind::Manifest, SectionKind::PortableModel] {
            if self.section(kind, 0).is_none() {
                return Err(integrity("artifact", format!("there is no section {kind:?}")));
            }
        }
        for section in &self.sections {
            match section.kind {
                SectionKind::Manifest if section.length_bytes > MAX_MANIFEST_BYTES => {
                    let what = "size of an artifact's manifest in bytes";
                    return Err(Error::limit_exceeded(what, MAX_MANIFEST_BYTES, section.length_bytes));
                }
                SectionKind::Manifest | SectionKind::PortableModel | SectionKind::DeviceModel => {
                    self.check_digest(section)?;
                }
                SectionKind::DeviceData
                    if self.section(SectionKind::DeviceModel, section.device).is_none() =>
                {
                    return Err(integrity("artifact", format!("{section} without its model")));
                }
                SectionKind::DeviceData | SectionKind::PortableData | SectionKind::Ignorable(_) => {}
            }
        }
        Ok(())
    }

    fn read_manifest(&self) -> Result<Manifest> {
        let json = self.content(SectionKind::Manifest, 0);
        let manifest = serde_json::from_slice(&json);
        manifest.map_err(|error| integrity("manifest of the artifact", error.to_string()))
    }

    /// That manifest and table of sections speak of the same.
    fn check_manifest(&self) -> Result<()> {
        let damage = |reason: String| Err(integrity("manifest of the artifact", reason));
        if self.manifest.format_version != header::FORMAT_VERSION {
            return damage(format!("it is for format version {}", self.manifest.format_version));
        }
        let length = |kind, device| self.section(kind, device).map(|section| section.length_bytes);
        let portable = &self.manifest.portable;
        if length(SectionKind::PortableModel, 0) != Some(portable.model_bytes)
            || length(SectionKind::PortableData, 0).unwrap_or(0) != portable.data_bytes
        {
            return damage("it gives other sizes of the portable sections".into());
        }
        for (index, device) in self.manifest.devices.iter().enumerate() {
            if u64::from(device.index) != index as u64
                || length(SectionKind::DeviceModel, device.index) != Some(device.model_bytes)
                || length(SectionKind::DeviceData, device.index).unwrap_or(0) != device.data_bytes
            {
                return damage(format!("it gives another number or other sizes of device {index}"));
            }
        }
        let models = self.sections.iter().filter(|section| section.kind == SectionKind::DeviceModel).count();
        if models != self.manifest.devices.len() {
            return damage(format!("it lacks some of the {models} devices"));
        }
        Ok(())
    }

    fn check_digest(&self, section: &Section) -> Result<()> {
        if digest(&self.slice(section.range())) == section.digest {
            return Ok(());
        }
        Err(integrity(format!("{section} of the artifact"), "its digest does not match"))
    }

    fn section(&self, kind: SectionKind, device: u32) -> Option<&Section> {
        self.sections.iter().find(|section| section.is(kind, device))
    }

    fn range(&self, kind: SectionKind, device: u32) -> Range<u64> {
        self.section(kind, device).map_or(0..0, Section::range)
    }

    fn content(&self, kind: SectionKind, device: u32) -> Bytes {
        self.slice(self.range(kind, device))
    }

    /// A range that lies in the file, which the header's checks make sure of.
    fn slice(&self, range: Range<u64>) -> Bytes {
        let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        range.and_then(|(start, end)| self.file.slice(start..end)).unwrap_or_default()
    }
}
