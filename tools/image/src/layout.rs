//! An OCI image layout: a folder with an index and blobs that are named after what they hold.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The file by which a folder is known as a layout.
const MARK: &str = "oci-layout";

/// A folder that is being filled.
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Begins a layout, and removes one that stands there already.
    ///
    /// # Errors
    ///
    /// When the folder is there and is no layout, or cannot be written.
    pub fn begin(folder: &Path) -> Result<Self> {
        if folder.exists() {
            ensure!(
                folder.join(MARK).is_file(),
                "it is there and is no OCI layout; name another folder"
            );
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(blobs(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Adds a blob, and gives its descriptor.
    pub fn add(&self, media_type: &str, blob: &[u8]) -> Result<Value> {
        let hex = hex(blob);
        fs::write(blobs(&self.folder).join(&hex), blob).context("cannot write a blob")?;
        Ok(
            json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": blob.len() }),
        )
    }

    /// Ends a layout that holds one image.
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
