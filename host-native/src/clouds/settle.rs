//! Makes a cloud of its keys.

use std::path::PathBuf;

use super::keys::Keys;
use super::login::login;
use super::tree::{Map, Tree, merge, with_underscores};
use super::{AuthType, Cloud, CloudError, Environment, Interface};

/// The logins, by name.
const AUTH_TYPES: [(&str, AuthType); 6] = [
    ("password", AuthType::Password),
    ("v3password", AuthType::V3Password),
    ("v3applicationcredential", AuthType::V3ApplicationCredential),
    ("v1password", AuthType::V1Password),
    ("token", AuthType::Token),
    ("v3token", AuthType::V3Token),
];

/// Makes a cloud of its keys.
pub fn settle(name: &str, keys: &Map, environment: &Environment<'_>) -> Result<Cloud, CloudError> {
    let mut keys = Keys { cloud: name, prefix: "", map: with_underscores(keys) };
    for key in ["profile", "cloud"] {
        if keys.text(key)?.is_some() {
            let message =
                "vendors' profiles are not known here; write auth_url, region_name and the like out";
            return Err(keys.wrong(key, message));
        }
    }
    let region = keys.take_region()?;
    keys.rename_endpoint_types();
    let auth_type = keys.auth_type()?;
    let auth = login(&keys, auth_type, region.as_deref())?;
    let region = keys.text("object_store_region_name")?.or(region);
    let interface = match keys.text("object_store_interface")? {
        Some(_) => keys.interface("object_store_interface")?,
        None => keys.interface("interface")?,
    };
    let endpoint = match keys.text("object_store_endpoint_override")? {
        Some(endpoint) => Some(endpoint),
        None => keys.text("object_store_endpoint")?,
    };
    let endpoint =
        endpoint.map(|text| keys.expand("object_store_endpoint_override", &text, region.as_deref()));
    let insecure = keys.truth("insecure")?.unwrap_or(false);
    let file = |key: &str| Ok(keys.text(key)?.map(|path| in_home(&path, environment)));
    let cert = file("cert")?;
    Ok(Cloud {
        name: name.to_owned(),
        auth_type,
        auth,
        interface,
        cacert: file("cacert")?,
        key: if cert.is_some() { file("key")? } else { None },
        cert,
        verify: !insecure && keys.truth("verify")?.unwrap_or(true),
        object_store_endpoint_override: endpoint.transpose()?,
        region,
    })
}

impl Keys<'_> {
    /// The first region of the cloud, whose own values are merged into the keys.
    fn take_region(&mut self) -> Result<Option<String>, CloudError> {
        let (key, regions) = match self.map.remove("regions") {
            Some(Tree::List(regions)) => ("regions", regions),
            Some(Tree::Nothing) | None => match self.map.remove("region_name") {
                Some(Tree::List(regions)) => ("region_name", regions),
                Some(Tree::Text(text)) => {
                    let first = text.split(',').next().unwrap_or_default();
                    ("region_name", vec![Tree::Text(first.to_owned())])
                }
                Some(Tree::Nothing) | None => return Ok(None),
                Some(other) => return Err(self.not_text("region_name", &other)),
            },
            Some(other) => {
                return Err(self.wrong("regions", &format!("found {}; expected a list", other.kind())));
            }
        };
        let region = match regions.into_iter().next() {
            None => return Ok(None),
            Some(Tree::Map(mut region)) => {
                let values = region.remove("values");
                let name = region.remove("name");
                if let Some(Tree::Map(values)) = values {
                    merge(&mut self.map, with_underscores(&values));
                }
                name.unwrap_or(Tree::Nothing)
            }
            Some(name) => name,
        };
        match region {
            Tree::Text(name) if name.is_empty() => Ok(None),
            Tree::Text(name) => Ok(Some(name)),
            other @ (Tree::Nothing | Tree::Truth(_) | Tree::Unclear | Tree::List(_) | Tree::Map(_)) => {
                Err(self.not_text(key, &other))
            }
        }
    }

    /// An endpoint's type is the older name of its interface, and wins.
    fn rename_endpoint_types(&mut self) {
        for (old, new) in
            [("endpoint_type", "interface"), ("object_store_endpoint_type", "object_store_interface")]
        {
            if let Some(value) = self.map.remove(old) {
                self.map.insert(new.to_owned(), value);
            }
        }
    }

    fn auth_type(&self) -> Result<AuthType, CloudError> {
        let name = self.text("auth_type")?.unwrap_or_else(|| "password".to_owned());
        let known = AUTH_TYPES.iter().find(|(known, _)| *known == name);
        known.map(|(_, auth_type)| *auth_type).ok_or_else(|| {
            let names: Vec<String> = AUTH_TYPES.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.wrong("auth_type", &format!("found `{name}`; expected one of {}", names.join(", ")))
        })
    }

    fn interface(&self, key: &str) -> Result<Interface, CloudError> {
        let Some(name) = self.text(key)? else { return Ok(Interface::default()) };
        let all = [Interface::Public, Interface::Internal, Interface::Admin];
        let bare = name.strip_suffix("URL").unwrap_or(&name);
        all.into_iter().find(|interface| interface.name() == bare).ok_or_else(|| {
            self.wrong(key, &format!("found `{name}`; expected `public`, `internal` or `admin`"))
        })
    }
}

/// A path whose `~` is the user's home.
fn in_home(path: &str, environment: &Environment<'_>) -> PathBuf {
    match (path.strip_prefix("~/"), environment.home) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_) | None, _) => PathBuf::from(path),
    }
}
