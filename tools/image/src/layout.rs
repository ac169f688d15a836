//! An OCI image layout: a folder with an index, and with blobs that are named by their digests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The file that marks a folder as a layout.
const MARK: &str = "oci-layout";

/// A layout without an index yet.
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Creates the folder of a layout. Replaces a layout that exists already.
    ///
    /// # Errors
    ///
    /// When the folder exists and is no layout, or cannot be written.
    pub fn begin(folder: &Path) -> Result<Self> {
        if folder.exists() {
            ensure!(
                folder.join(MARK).is_file(),
                "the folder exists and is no OCI layout; choose another folder"
            );
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(blobs(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Adds a blob. Returns its descriptor.
    pub fn add(&self, media_type: &str, blob: &[u8]) -> Result<Value> {
        let hex = hex(blob);
        fs::write(blobs(&self.folder).join(&hex), blob).context("cannot write a blob")?;
        Ok(
            json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": blob.len() }),
        )
    }

    /// Writes the index, which lists one image.
    pub fn end(self, image: &Value) -> Result<()> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [image],
        });
        fs::write(self.folder.join("index.json"), index.to_string())?;
        let mark = json!({ "imageLayoutVersion": "1.0.0" });
        fs::write(self.folder.join(MARK), mark.to_string())?;
        Ok(())
    }
}

/// The SHA-256 of some bytes, in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn blobs(folder: &Path) -> PathBuf {
    folder.join("blobs/sha256")
}
