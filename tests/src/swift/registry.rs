//! A registry that stores in Swift.

use crate::server::{Folder, Options, Server};

/// Where a registry logs in, and which container it stores in.
#[derive(Clone, Debug)]
pub struct Berth {
    /// The keys of the cloud in clouds.yaml, as JSON.
    pub cloud: serde_json::Value,
    /// The container of everything but segments; those stand in `<container>-segments`, unless the lines say otherwise.
    pub container: String,
    /// Lines of the configuration under `registry:`, each indented by two spaces and ended. With four spaces, the first
    /// ones go on with `storage:`.
    pub lines: String,
}

impl Berth {
    /// A registry that logs in to Swift itself, at `http://ADDRESS/auth/v1.0`.
    pub fn v1(auth_url: &str, user: &str, key: &str, container: &str) -> Self {
        let auth = serde_json::json!({"auth_url": auth_url, "username": user, "password": key});
        let cloud = serde_json::json!({"auth_type": "v1password", "auth": auth});
        Self { cloud, container: container.to_owned(), lines: String::new() }
    }

    /// The same with further lines of configuration.
    #[must_use]
    pub fn with(mut self, lines: &str) -> Self {
        self.lines.push_str(lines);
        self
    }

    /// Starts the registry.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub fn start(&self) -> Result<Server, String> {
        // Read at the start alone.
        let folder = Folder::new("clouds")?;
        let clouds = folder.path().join("clouds.yaml");
        let text = serde_json::json!({"clouds": {"rig": self.cloud}}).to_string();
        std::fs::write(&clouds, text).map_err(|error| format!("{}: {error}", clouds.display()))?;
        let Self { container, lines, .. } = self;
        let segments = match lines.contains("    segments-container:") {
            true => String::new(),
            false => format!("    segments-container: {container}-segments\n"),
        };
        let config = format!(
            "registry:\n  secret: not-a-secret-of-anybody\n  storage:\n    driver: swift\n    cloud: rig\n    \
             container: {container}\n{segments}{lines}"
        );
        let env = vec![("OS_CLIENT_CONFIG_FILE".to_owned(), clouds.display().to_string())];
        Server::start(Options { config: Some(config), env, ..Options::default() })
    }
}
