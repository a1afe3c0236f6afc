use serde_json::{Value, json};
use wharfinger_core::oci::Digest;

use super::sha256;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image manifest, which refers to a subject or not.
pub fn image(config: &[u8], layers: &[&[u8]], subject: Option<&Digest>) -> Vec<u8> {
    let layers: Vec<Value> = layers.iter().map(|layer| descriptor(LAYER, layer)).collect();
    let mut manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": descriptor(CONFIG, config), "layers": layers});
    if let Some(subject) = subject {
        manifest["subject"] = json!({"mediaType": IMAGE, "digest": subject.to_string(), "size": 2});
    }
    manifest.to_string().into_bytes()
}

/// An index of manifests.
pub fn index(manifests: &[&[u8]]) -> Vec<u8> {
    let manifests: Vec<Value> = manifests.iter().map(|manifest| descriptor(IMAGE, manifest)).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string().into_bytes()
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(content).to_string(), "size": content.len()})
}
