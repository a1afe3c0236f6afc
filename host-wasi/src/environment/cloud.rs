use std::collections::BTreeMap;

use wharfinger_core::swift::keystone::{AuthUrl, Choice, Credentials, Domain, Project, User};
use wharfinger_core::swift::{Login, SecretText, v1_auth};

/// The login that the variables `OS_*` describe; their names come without that.
pub(super) fn login(variables: &BTreeMap<String, String>) -> Result<Login, String> {
    let text = |name: &str| variables.get(name).map(String::as_str);
    let wanted =
        |name: &str, what: &str| text(name).ok_or_else(|| format!("OS_{name} is missing: give {what}"));
    let secret = |name: &str, what: &str| wanted(name, what).map(SecretText::new);
    let url = wanted("AUTH_URL", "the URL to log in at")?;
    let storage_url = text("OBJECT_STORE_ENDPOINT_OVERRIDE").map(Box::from);
    let user_domain = domain(text("USER_DOMAIN_ID"), text("USER_DOMAIN_NAME"));
    let user = match (text("USER_ID"), text("USERNAME")) {
        (Some(id), _) => Some(User::Id(id.into())),
        (None, name) => name.map(|name| User::Named(name.into(), user_domain)),
    };
    let wanted_user =
        || user.clone().ok_or_else(|| "OS_USERNAME is missing: give the user's name".to_owned());
    let project_domain = domain(text("PROJECT_DOMAIN_ID"), text("PROJECT_DOMAIN_NAME"));
    let project = match (text("PROJECT_ID"), text("PROJECT_NAME")) {
        (Some(id), _) => Some(Project::Id(id.into())),
        (None, name) => name.map(|name| Project::Named(name.into(), project_domain)),
    };
    let credentials = match text("AUTH_TYPE").unwrap_or("password") {
        "password" | "v3password" => Credentials::Password {
            user: wanted_user()?,
            password: secret("PASSWORD", "the user's password")?,
            project,
        },
        "v3applicationcredential" => {
            let secret = secret("APPLICATION_CREDENTIAL_SECRET", "the secret of the application credential")?;
            match (text("APPLICATION_CREDENTIAL_ID"), text("APPLICATION_CREDENTIAL_NAME")) {
                (Some(id), _) => Credentials::ApplicationCredential { id: id.into(), secret },
                (None, Some(name)) => Credentials::NamedApplicationCredential {
                    name: name.into(),
                    user: wanted_user()?,
                    secret,
                },
                (None, None) => {
                    return Err(
                        "OS_APPLICATION_CREDENTIAL_ID is missing: give the id of the application credential"
                            .to_owned(),
                    );
                }
            }
        }
        "token" | "v3token" => Credentials::Token { token: secret("TOKEN", "a token")?, project },
        "v1password" => {
            let user = wanted("USERNAME", "the user, as account:user")?;
            let login = v1_auth::Login::new(url, user, &secret("PASSWORD", "the user's key")?);
            return Ok(Login::V1 { login: login.map_err(|error| error.to_string())?, storage_url });
        }
        _ => {
            return Err("OS_AUTH_TYPE must be password, v3password, v3applicationcredential, v1password, token or v3token".to_owned());
        }
    };
    let url = AuthUrl::parse(url).map_err(|error| error.to_string())?;
    let interface = text("INTERFACE").unwrap_or("public");
    if !["public", "internal", "admin"].contains(&interface) {
        return Err("OS_INTERFACE must be public, internal or admin".to_owned());
    }
    let choice =
        Choice { interface: interface.into(), region: text("REGION_NAME").map(Box::from), storage_url };
    Ok(Login::Keystone { url, credentials, choice })
}

/// Whoever names no domain means the one that every Keystone begins with.
fn domain(id: Option<&str>, name: Option<&str>) -> Domain {
    match (id, name) {
        (Some(id), _) => Domain::Id(id.into()),
        (None, Some(name)) => Domain::Named(name.into()),
        (None, None) => Domain::Id("default".into()),
    }
}
