use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wharfinger::config::{Settings, Sync};
use wharfinger::secret;
use wharfinger_core::oci::{Algorithm, Digest, Repository, Tag};
use wharfinger_core::store::Key;

use crate::fill::{CONTENT, REPOSITORY, manifest, record, spilled, upload};

/// Seals the tokens.
pub(super) const SECRET: &str = "a secret of the fuzzer";

/// The longest head in bytes: so short that inputs are longer.
pub(super) const HEAD_BYTES_MAX: usize = 1024;

/// A directory of the registry, for one conversation.
pub(super) struct Place(PathBuf);

impl Place {
    /// An empty one; or one that has the content and the manifest if what is sent may ask for them.
    pub(super) fn new(sent: &[u8]) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("wharfinger-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&place.0).expect("there is room");
        if sent.windows(6).any(|bytes| bytes == b"/v2/a/") {
            place.furnish();
        }
        place
    }

    /// The registry in it, with bounds that a small input exceeds.
    pub(super) fn settings(&self) -> Settings {
        let mut settings =
            Settings { secret: Some(secret::Secret::from_phrase(SECRET)), ..Settings::default() };
        settings.storage.root = self.0.clone();
        settings.storage.sync = Sync::None;
        settings.limits.head_bytes = HEAD_BYTES_MAX as u64;
        settings.limits.manifest_bytes = 1024;
        settings.limits.manifest_references = 4;
        settings.limits.drain_bytes = 64;
        // The uploads that the tokens are of began in 1970.
        settings.limits.upload_age = Duration::from_secs(u64::MAX / 4);
        settings
    }

    fn furnish(&self) {
        let repository = || Repository::parse(REPOSITORY).expect("it is a name");
        let blob = Digest::of(Algorithm::Sha256, CONTENT);
        let digest = Digest::of(Algorithm::Sha256, manifest().as_bytes());
        let upload = upload(16, false);
        self.keep(&Key::Blob(blob), CONTENT);
        self.keep(&Key::Link(repository(), blob), b"{\"size\":4}");
        self.keep(&Key::Manifest(repository(), digest), &record());
        self.keep(&Key::Tag(repository(), Tag::parse("latest").expect("it is a tag")), &record());
        for segment in &upload.segments.recent {
            self.keep(&segment.key(upload.id), CONTENT);
        }
        let spilled_at = crate::fill::upload(0, true).segments.spill.expect("it has one");
        self.keep(&spilled_at.key(upload.id), &spilled());
    }

    fn keep(&self, key: &Key, bytes: &[u8]) {
        let path = self.0.join(key.to_string());
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("there is room");
        fs::write(path, bytes).expect("there is room");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
