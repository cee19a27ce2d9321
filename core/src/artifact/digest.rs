//! BLAKE3 digests: of bytes, as text, and of a model with everything it refers to.

use crate::Result;
use crate::model::{Bytes, ExternalDataResolver, Model};

/// A BLAKE3 digest.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(bytes: &[u8]) -> Digest {
    *blake3::hash(bytes).as_bytes()
}

/// The digest of a model file and of the external data that it refers to, as 64 hexadecimal digits.
///
/// Without external data this is the BLAKE3 of the file. With external data it is the BLAKE3 of the digests, in
/// binary and one after the other, of the file and of each tensor's external data in the order of
/// [`Model::tensors`].
///
/// # Errors
/// Those of [`Model::parse`], of [`TensorProto::data_bytes`](crate::model::TensorProto::data_bytes) and of `resolver`.
///
/// # Examples
/// ```
/// use ortlet::artifact::model_digest;
/// use ortlet::model::{Model, NoExternalData};
///
/// let file = Model { producer_name: Some("me".into()), ..Model::default() }.to_bytes()?;
/// assert_eq!(model_digest(file, &NoExternalData)?.len(), 64);
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn model_digest(file: impl Into<Bytes>, resolver: &dyn ExternalDataResolver) -> Result<String> {
    let file = file.into();
    let model = Model::parse(file.clone())?;
    let of_file = digest(&file);
    let mut all = blake3::Hasher::new();
    all.update(&of_file);
    let mut has_external = false;
    for tensor in model.tensors().filter(|tensor| tensor.is_external()) {
        has_external = true;
        all.update(&digest(&tensor.data_bytes(resolver)?));
    }
    Ok(hex(&if has_external { all.finalize().into() } else { of_file }))
}

/// The digest as hexadecimal digits.
pub(super) fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}
