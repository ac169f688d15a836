//! The image's only layer: a compressed archive that holds the filter.
//!
//! The same filter gives the same bytes, so the archive has no time, owner or system.

use std::io::Write;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The name of the file that Istio reads from the layer.
const FILE_NAME: &str = "plugin.wasm";

/// gzip's value for an unknown operating system.
const NO_SYSTEM: u8 = 255;

/// An archive with the filter at its root.
pub fn archive(filter: &[u8]) -> Result<Vec<u8>> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(filter.len().try_into()?);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut header, FILE_NAME, filter)?;
    Ok(archive.into_inner()?)
}

/// The compressed archive, as registries store it.
pub fn compress(archive: &[u8]) -> Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM);
    let mut compressed = gzip.write(Vec::new(), Compression::best());
    compressed.write_all(archive)?;
    Ok(compressed.finish()?)
}
