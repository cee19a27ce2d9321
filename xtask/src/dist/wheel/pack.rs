//! Packs files so that the same ones always give the same package, the list of them last.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::File;
use crate::digest::sha256_base64;
use crate::stamp;

/// `files` end with those of the folder `….dist-info`.
pub fn pack(path: &Path, mut files: Vec<File>) -> Result<()> {
    files.push(record(&files)?);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in &files {
        // No time and nobody's rights: those of whoever unpacks it.
        let mode = if file.name.ends_with(".so") || file.name.contains(".so.") { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(mode);
        archive.start_file(&file.name, options).with_context(|| format!("pack {}", file.name))?;
        archive.write_all(&file.contents).with_context(|| format!("pack {}", file.name))?;
    }
    let bytes = archive.finish().with_context(|| format!("pack {}", path.display()))?.into_inner();
    let folder = path.parent().context("a package is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    stamp::write_whole(path, &bytes)
}

/// The file `RECORD`, by which installers check the others and find them again.
fn record(files: &[File]) -> Result<File> {
    let last = files.last().context("a package has files")?;
    let folder = last.name.split('/').next().unwrap_or_default();
    let name = format!("{folder}/RECORD");
    let line = |file: &File| {
        format!("{},sha256={},{}\n", file.name, sha256_base64(&file.contents), file.contents.len())
    };
    let lines: String = files.iter().map(line).collect();
    Ok(File::text(name.clone(), format!("{lines}{name},,\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_lists_everything_and_itself() {
        let files = [File::text("a/b.py", "x".into()), File::text("a-1.dist-info/WHEEL", String::new())];
        let record = record(&files).unwrap();
        assert_eq!(record.name, "a-1.dist-info/RECORD");
        assert_eq!(
            String::from_utf8(record.contents).unwrap(),
            "a/b.py,sha256=LXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE,1\n\
             a-1.dist-info/WHEEL,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\
             a-1.dist-info/RECORD,,\n"
        );
    }
}
