use std::time::Duration;

use futures_lite::future;
use http::StatusCode;
use smol::Timer;
use wharfinger_core::swift::keystone::{AuthUrl, Choice, Credentials, Domain, Project, User};
use wharfinger_core::swift::{AuthError, Login, Rendered, SecretText, Session, v1_auth};

use super::error::{LoginError, StartError};
use super::tokens::now;
use crate::client::{Body, Client, ClientError, Late};
use crate::clouds::{Auth, AuthType, Cloud};
use crate::secret::Secret;

/// The login that a cloud describes.
pub(super) fn of(cloud: &Cloud) -> Result<Login, StartError> {
    let auth = &cloud.auth;
    let wrong = |error| StartError::Login {
        cloud: cloud.name.clone(),
        auth_url: auth.auth_url.clone(),
        error: LoginError::Auth(error),
    };
    let storage_url = cloud.object_store_endpoint_override.as_deref().map(Box::from);
    if let Some(key) = unused(auth, cloud.auth_type) {
        return Err(StartError::Scope { cloud: cloud.name.clone(), key });
    }
    let credentials = match cloud.auth_type {
        AuthType::V1Password => {
            let user = auth.username.as_deref().unwrap_or_default();
            let login = v1_auth::Login::new(&auth.auth_url, user, &text(auth.password.as_ref()));
            return Ok(Login::V1 { login: login.map_err(wrong)?, storage_url });
        }
        AuthType::Password | AuthType::V3Password => Credentials::Password {
            user: user(auth),
            password: text(auth.password.as_ref()),
            project: project(auth),
        },
        AuthType::V3ApplicationCredential => {
            let secret = text(auth.application_credential_secret.as_ref());
            match (&auth.application_credential_id, &auth.application_credential_name) {
                (Some(id), _) => Credentials::ApplicationCredential { id: id.as_str().into(), secret },
                (None, name) => {
                    let name = name.as_deref().unwrap_or_default().into();
                    Credentials::NamedApplicationCredential { name, user: user(auth), secret }
                }
            }
        }
        AuthType::Token | AuthType::V3Token => {
            tracing::warn!(
                cloud = cloud.name,
                "a login by token lasts as long as the token: then nothing can be read or stored; a password or an \
                 application credential lasts"
            );
            Credentials::Token { token: text(auth.token.as_ref()), project: project(auth) }
        }
    };
    let url = AuthUrl::parse(&auth.auth_url).map_err(wrong)?;
    let interface = cloud.interface.name().into();
    let region = cloud.region.as_deref().map(Box::from);
    Ok(Login::Keystone { url, credentials, choice: Choice { interface, region, storage_url } })
}

/// Asks for a token, once.
pub(super) async fn log_in(
    login: &Login,
    client: &Client,
    time_max: Duration,
) -> Result<Session, LoginError> {
    let late = async {
        Timer::after(time_max).await;
        Err(LoginError::Client(ClientError::Late(Late::Answer)))
    };
    future::or(ask(login, client), late).await
}

async fn ask(login: &Login, client: &Client) -> Result<Session, LoginError> {
    let Rendered { request, body, .. } = login.render();
    let body = body.map_or(Body::Empty, Body::Bytes);
    let mut response = client.send(request, body).await.map_err(LoginError::Client)?;
    let answer = response.collect(Login::ANSWER_BYTES_MAX as usize).await;
    let answer = match login {
        // Its head says all.
        Login::V1 { .. } => answer.unwrap_or_default(),
        Login::Keystone { .. } => answer.map_err(LoginError::Client)?,
    };
    login.read(response.status, &response.headers, &answer, now()).map_err(|error| refused(error, login))
}

/// A token, unlike other credentials, ends; Keystone does not find it then.
fn refused(error: AuthError, login: &Login) -> LoginError {
    let is_token = matches!(login, Login::Keystone { credentials: Credentials::Token { .. }, .. });
    let not_found = AuthError::WrongServer { status: StatusCode::NOT_FOUND };
    if is_token && (matches!(error, AuthError::Rejected { .. }) || error == not_found) {
        LoginError::Token { error }
    } else {
        LoginError::Auth(error)
    }
}

/// A key of the cloud that asks for another scope than a project's.
fn unused(auth: &Auth, auth_type: AuthType) -> Option<&'static str> {
    let v1 = auth_type == AuthType::V1Password;
    [
        ("project_name", v1 && auth.project_name.is_some()),
        ("domain_id", auth.domain_id.is_some()),
        ("domain_name", auth.domain_name.is_some()),
        ("system_scope", auth.system_scope.is_some()),
        ("trust_id", auth.trust_id.is_some()),
    ]
    .into_iter()
    .find_map(|(key, set)| set.then_some(key))
}

fn user(auth: &Auth) -> User {
    match &auth.user_id {
        Some(id) => User::Id(id.as_str().into()),
        None => User::Named(
            auth.username.as_deref().unwrap_or_default().into(),
            domain(auth.user_domain_id.as_deref(), auth.user_domain_name.as_deref()),
        ),
    }
}

fn project(auth: &Auth) -> Option<Project> {
    match (&auth.project_id, &auth.project_name) {
        (Some(id), _) => Some(Project::Id(id.as_str().into())),
        (None, Some(name)) => Some(Project::Named(
            name.as_str().into(),
            domain(auth.project_domain_id.as_deref(), auth.project_domain_name.as_deref()),
        )),
        (None, None) => None,
    }
}

/// Whoever names no domain means the one that every Keystone begins with.
fn domain(id: Option<&str>, name: Option<&str>) -> Domain {
    match (id, name) {
        (Some(id), _) => Domain::Id(id.into()),
        (None, Some(name)) => Domain::Named(name.into()),
        (None, None) => Domain::Id("default".into()),
    }
}

/// clouds.yaml is text, and so are its secrets.
fn text(secret: Option<&Secret>) -> SecretText {
    SecretText::new(secret.map(|secret| String::from_utf8_lossy(secret.as_bytes())).unwrap_or_default())
}
