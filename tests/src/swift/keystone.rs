//! What a test needs to know of the rig's Keystone.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::Client;
use crate::http::{Connection, Response};

/// A running Keystone and its users. Tests only: the secrets are fixed and shown.
#[derive(Clone, Debug)]
pub struct Keystone {
    facts: Value,
    address: SocketAddr,
}

impl Keystone {
    /// What the rig says about it; `None` if it has none.
    pub(super) fn read(facts: &Value) -> Result<Option<Self>, String> {
        if facts.is_null() {
            return Ok(None);
        }
        let url = facts["auth_url"].as_str().unwrap_or_default();
        let address = url.trim_start_matches("http://").trim_end_matches("/v3").parse();
        let address = address.map_err(|_| format!("Keystone has no address: {facts}"))?;
        Ok(Some(Self { facts: facts.clone(), address }))
    }

    /// `http://ADDRESS/v3`.
    pub fn auth_url(&self) -> &str {
        self.fact("auth_url")
    }

    /// The region of Swift's endpoint; the catalog has a useless one in another region.
    pub fn region(&self) -> &str {
        self.fact("region")
    }

    /// The name of the domain of all users and projects.
    pub fn domain(&self) -> &str {
        self.fact("domain")
    }

    /// The name of the project whose account in Swift is used.
    pub fn project(&self) -> &str {
        self.fact("project")
    }

    /// The id of that project.
    pub fn project_id(&self) -> &str {
        self.fact("project_id")
    }

    /// The name of a user who may write in the project's account.
    pub fn user(&self) -> &str {
        self.fact("user")
    }

    /// The id of that user.
    pub fn user_id(&self) -> &str {
        self.fact("user_id")
    }

    /// The password of that user.
    pub fn password(&self) -> &str {
        self.fact("password")
    }

    /// The name and password of a user who may not, in the project `service`.
    pub fn outsider(&self) -> (&str, &str) {
        (self.fact("outsider"), self.fact("outsider_password"))
    }

    /// The name of the user's application credential.
    pub fn credential(&self) -> &str {
        self.fact("credential")
    }

    /// The id of that credential.
    pub fn credential_id(&self) -> &str {
        self.fact("credential_id")
    }

    /// The secret of that credential.
    pub fn credential_secret(&self) -> &str {
        self.fact("credential_secret")
    }

    /// A cloud for clouds.yaml, as JSON: that project, by the user's name and password.
    pub fn cloud(&self) -> Value {
        json!({
            "region_name": self.region(),
            "auth": {
                "auth_url": self.auth_url(), "username": self.user(), "password": self.password(),
                "project_name": self.project(),
                "user_domain_name": self.domain(), "project_domain_name": self.domain(),
            },
        })
    }

    /// The request of a login by password.
    pub fn password_login(&self, user: &str, password: &str, project: &str) -> Value {
        let domain = json!({"name": self.domain()});
        let user = json!({"name": user, "domain": domain, "password": password});
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": project, "domain": domain}},
        }})
    }

    /// The request of a login by application credential.
    pub fn credential_login(&self, secret: &str) -> Value {
        let credential = json!({"id": self.credential_id(), "secret": secret});
        let identity = json!({"methods": ["application_credential"], "application_credential": credential});
        json!({"auth": {"identity": identity}})
    }

    /// Asks for a token.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn ask(&self, login: &Value) -> std::io::Result<Response> {
        let fields = [("Content-Type", "application/json")];
        Connection::open(self.address)?.request(
            "POST",
            "/v3/auth/tokens",
            &fields,
            login.to_string().as_bytes(),
        )
    }

    /// A client of Swift with a token for `login`, speaking to the address in the catalog.
    ///
    /// # Errors
    /// When Keystone refuses, or its catalog does not name Swift.
    pub fn log_in(&self, login: &Value) -> Result<Client, String> {
        let (token, content) = self.token(login)?;
        Client::with_token(self.storage_url(&content)?, &token)
    }

    /// A token, and what the answer that it came with says.
    ///
    /// # Errors
    /// When Keystone refuses.
    pub fn token(&self, login: &Value) -> Result<(String, Value), String> {
        let answer =
            self.ask(login).and_then(|answer| answer.expect(201)).map_err(|error| error.to_string())?;
        let token = answer.head.field("x-subject-token").ok_or("the answer holds no token")?;
        let content: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        Ok((token.to_owned(), content))
    }

    /// Adds an endpoint of Swift to the catalog of all tokens to come, in a region that is made if it is missing. In the URL
    /// `$(project_id)s` stands for the project.
    ///
    /// # Errors
    /// When Keystone does not do so.
    pub fn add_endpoint(&self, region: &str, interface: &str, url: &str) -> Result<(), String> {
        let (token, _) = self.token(&self.password_login("admin", self.fact("admin_password"), "admin"))?;
        let call = |method: &str, target: &str, content: &Value| -> std::io::Result<Response> {
            let fields = [("Content-Type", "application/json"), ("X-Auth-Token", token.as_str())];
            let body = if content.is_null() { String::new() } else { content.to_string() };
            Connection::open(self.address)?.request(method, target, &fields, body.as_bytes())
        };
        let told = |error: std::io::Error| error.to_string();
        let made = call("PUT", &format!("/v3/regions/{region}"), &json!({"region": {}})).map_err(told)?;
        if ![201, 409].contains(&made.status()) {
            return Err(format!("Keystone does not make a region: {}", made.text()));
        }
        let services = call("GET", "/v3/services?type=object-store", &Value::Null).map_err(told)?;
        let services: Value = serde_json::from_slice(&services.body).map_err(|error| error.to_string())?;
        let endpoint = json!({"endpoint": {
            "service_id": services["services"][0]["id"], "region_id": region, "interface": interface, "url": url,
        }});
        call("POST", "/v3/endpoints", &endpoint).and_then(|answer| answer.expect(201)).map_err(told)?;
        Ok(())
    }

    fn storage_url<'a>(&self, content: &'a Value) -> Result<&'a str, String> {
        let services = content["token"]["catalog"].as_array().into_iter().flatten();
        let endpoints = services
            .filter(|service| service["type"] == "object-store")
            .filter_map(|service| service["endpoints"].as_array())
            .flatten();
        let mut wanted = endpoints
            .filter(|endpoint| endpoint["interface"] == "public" && endpoint["region_id"] == self.region());
        let url = wanted.next().and_then(|endpoint| endpoint["url"].as_str());
        url.ok_or_else(|| format!("the catalog names no object store: {content}"))
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_default()
    }
}
