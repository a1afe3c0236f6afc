//! What an image layout on disk holds, every byte of it hashed.

use crate::digest::sha256_file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The content of a layout: two layouts with equal contents hold the same images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The digests that the entry points of the layout name, sorted.
    pub roots: Vec<String>,
    /// The digest and size of every blob, manifests included.
    pub blobs: BTreeMap<String, u64>,
}

impl Contents {
    /// Reads an OCI image layout.
    ///
    /// # Panics
    /// When a blob does not hash to its name, or the layout cannot be read.
    pub fn of_layout(path: &Path) -> Self {
        let mut blobs = BTreeMap::new();
        for entry in fs::read_dir(path.join("blobs/sha256")).expect("a layout has blobs").flatten() {
            let named = format!("sha256:{}", entry.file_name().to_string_lossy());
            let found = sha256_file(&entry.path()).expect("a blob can be read");
            assert_eq!(found, named, "a blob of {} does not hash to its name", path.display());
            blobs.insert(named, entry.metadata().expect("a blob has a size").len());
        }
        let index = fs::read(path.join("index.json")).expect("a layout has an index");
        let index: Value = serde_json::from_slice(&index).expect("an index is JSON");
        let entries = index["manifests"].as_array().cloned().unwrap_or_default();
        let mut roots: Vec<String> =
            entries.iter().filter_map(|entry| entry["digest"].as_str()).map(str::to_owned).collect();
        roots.sort();
        Self { roots, blobs }
    }

    /// Reads one image in the `dir:` form of skopeo.
    ///
    /// # Panics
    /// When a file does not hash to its name, or the directory cannot be read.
    pub fn of_folder(path: &Path) -> Self {
        let mut blobs = BTreeMap::new();
        let mut roots = Vec::new();
        for entry in fs::read_dir(path).expect("an image folder can be read").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "version" {
                continue;
            }
            let found = sha256_file(&entry.path()).expect("a file can be read");
            if name == "manifest.json" {
                roots.push(found.clone());
            } else if !name.ends_with(".manifest.json") {
                assert_eq!(found, format!("sha256:{name}"), "a file of {} lies", path.display());
            }
            blobs.insert(found, entry.metadata().expect("a file has a size").len());
        }
        Self { roots, blobs }
    }
}
