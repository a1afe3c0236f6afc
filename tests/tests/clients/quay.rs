//! A registry on one of the stores, the clients, and room for what they push and pull.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wharfinger_tests::contents::Contents;
use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Options, Server};
use wharfinger_tests::swift::registry::Berth;
use wharfinger_tests::swift::{self, Swift};
use wharfinger_tests::tools::Tools;
use wharfinger_tests::wasi::{self, Component};

/// Which host serves.
#[derive(Clone, Copy, Debug)]
pub enum Host {
    /// The native server.
    Native,
    /// The component in wasmtime.
    Wasi,
}

/// A running registry.
pub enum Registry {
    /// The native server.
    Native(Server),
    /// The component in wasmtime.
    Wasi(Component),
}

impl Registry {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Native(server) => server.address(),
            Self::Wasi(component) => component.address(),
        }
    }
}

/// Where a registry stores.
#[derive(Clone, Copy, Debug)]
pub enum Store {
    /// In a directory.
    Files,
    /// In a container of the one Swift of this process.
    Swift,
}

/// The registry speaks no TLS.
pub const PLAIN_HTTP: &str = "--tls-verify=false";
/// The beginning of a copy by skopeo.
pub const COPY: [&str; 3] = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
/// Fail if the manifest cannot be copied byte for byte.
pub const AS_IT_IS: &str = "--preserve-digests";

/// A registry, the clients, and room for layouts.
pub struct Quay {
    pub registry: Registry,
    pub tools: Tools,
    room: Folder,
}

impl Quay {
    /// A registry of its own; `purpose` names its room, and its container.
    pub fn open(host: Host, store: Store, purpose: &str) -> Self {
        let room = Folder::new(purpose).expect("the temporary directory is writable");
        // On Swift, every layer of more than that is a large object of several segments.
        let registry = match (host, store) {
            (Host::Native, Store::Files) => Server::start(Options::default()).map(Registry::Native),
            (Host::Native, Store::Swift) => {
                berth(purpose).with("  limits: {segment-bytes: 1048576}\n").start().map(Registry::Native)
            }
            (Host::Wasi, Store::Files) => Component::start(wasi::Options::default()).map(Registry::Wasi),
            (Host::Wasi, Store::Swift) => {
                let options = wasi::Options::default().on_swift(&berth(purpose));
                Component::start(options.with("WHARFINGER_LIMITS_SEGMENT_BYTES", "1048576"))
                    .map(Registry::Wasi)
            }
        };
        let registry = registry.expect("the registry starts");
        let tools = Tools::new(&room.path().join("home"));
        Self { registry, tools, room }
    }

    /// A new layout with one image under the tag `t`: where it is and the digest of the manifest.
    pub fn layout(&self, name: &str, image: &Image) -> (PathBuf, String) {
        let path = self.path(name);
        let digest = Layout::create(&path).add("t", image);
        (path, digest)
    }

    /// A path in the room.
    pub fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// A new directory in the room.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        path
    }

    /// What skopeo calls a repository or an image of this registry.
    pub fn remote(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.registry.address())
    }

    /// A repository, spoken to without a client.
    pub fn repository(&self, name: &str) -> Repository {
        Repository::new(self.registry.address(), name)
    }

    /// Has skopeo copy an image.
    pub fn copy(&self, options: &[&str], from: &str, to: &str) {
        self.tools.skopeo(&[&COPY[..], &["--quiet"], options, &[from, to]].concat());
    }

    /// Pulls `remote` into a new layout and answers its contents.
    pub fn pull(&self, options: &[&str], remote: &str) -> Contents {
        let path = self.path(&format!("pulled-{}", remote.replace(['/', ':', '@'], "_")));
        self.copy(&[&[AS_IT_IS], options].concat(), remote, &local(&path));
        Contents::of_layout(&path)
    }

    /// The digest of the manifest that the registry names for `remote`.
    pub fn digest(&self, remote: &str) -> String {
        self.tools.skopeo(&["inspect", PLAIN_HTTP, "--format", "{{.Digest}}", remote])
    }
}

/// What skopeo calls the image `t` of a layout.
pub fn local(path: &Path) -> String {
    format!("oci:{}:t", path.display())
}

/// What a client printed.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("the client printed JSON")
}

fn berth(container: &str) -> Berth {
    // It ends with the process.
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    let swift = SWIFT.get_or_init(|| Swift::start(&swift::Options::default()).expect("Swift starts"));
    Berth::v1(&swift.auth_url(), swift.user(), swift.key(), container)
}
