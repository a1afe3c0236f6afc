use http::{StatusCode, header};
use serde::Serialize;

use super::authenticate::{Authenticate, Sender, Step};
use super::{Flow, admit, refuse};
use crate::access::{
    Access, Action, Actions, Credentials, Grant, Issuance, Pass, SCOPES_MAX, Scope, open_refresh, rfc3339,
};
use crate::exchange::{Answer, BodyLength, Collected, Cx, Event, Request};
use crate::oci::{AuthFault, Query, Refusal};
use crate::route::Verb;
use crate::swift::SecretText;

/// `GET` and `POST /auth/token`: a token for what its sender may do of what it asks for (the token specification of the
/// distribution project, and its OAuth2 variant with a form).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenGrant {
    request: Request,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The form is read.
    Reading,
    /// It is found out who asks.
    Authenticating { wish: Wish, authenticate: Authenticate },
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wish {
    scopes: Vec<Scope>,
    /// Whether a token by which others are had later is wanted as well.
    refresh: bool,
}

/// What shows in a form who asks.
enum Proof {
    Credentials(Credentials),
    Refresh(SecretText),
}

#[derive(Serialize)]
struct Body<'a> {
    token: &'a str,
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    issued_at: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl Wish {
    /// Only who shows a password gets a token by which others are had: others have nothing that could be changed to end it.
    fn without_refresh(&self) -> Self {
        Self { scopes: self.scopes.clone(), refresh: false }
    }
}

impl TokenGrant {
    /// Credentials come with the request, or in its form.
    pub(crate) fn start(
        verb: Verb,
        query: &Query,
        request: Request,
        credentials: Credentials,
        cx: &mut Cx<'_>,
    ) -> Flow {
        match verb {
            Verb::Post => {
                if matches!(request.body, BodyLength::Exactly(length) if length > u64::from(FORM_BYTES_MAX)) {
                    return refuse(&too_long(), cx);
                }
                cx.collect(FORM_BYTES_MAX);
                Flow::TokenGrant(Box::new(Self { request, stage: Stage::Reading }))
            }
            Verb::Get | Verb::Head | Verb::Put | Verb::Patch | Verb::Delete => {
                let refresh = query.first("offline_token") == Some("true");
                let wish = Wish { scopes: Scope::parse_all(query.all("scope")), refresh };
                authenticate(request, wish, credentials, cx)
            }
        }
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        let Self { request, stage } = *self;
        match (stage, event) {
            (Stage::Reading, Event::Collected { outcome }) => read_form(request, outcome, cx),
            (Stage::Authenticating { wish, authenticate }, event) => {
                let config = cx.config;
                let Some(locks) = config.access.locks() else {
                    return grant(&request, &wish, Pass::stranger(), cx);
                };
                match authenticate.step(event, locks, request.given.now, cx) {
                    Step::Asked(authenticate) => {
                        let stage = Stage::Authenticating { wish, authenticate };
                        Flow::TokenGrant(Box::new(Self { request, stage }))
                    }
                    Step::Over(sender) => decide(&request, &wish, sender, cx),
                }
            }
            (
                stage @ Stage::Reading,
                Event::Answered { .. }
                | Event::Read { .. }
                | Event::Fed { .. }
                | Event::Replied { .. }
                | Event::Hashed { .. }
                | Event::Told { .. },
            ) => Flow::TokenGrant(Box::new(Self { request, stage })),
        }
    }
}

fn read_form(request: Request, outcome: Collected, cx: &mut Cx<'_>) -> Flow {
    let bytes = match outcome {
        Collected::Whole(bytes) => bytes,
        Collected::TooLong => return refuse(&too_long(), cx),
        Collected::Broke => return refuse(&Refusal::BodyBroken, cx),
        Collected::Late => return refuse(&Refusal::BodyLate, cx),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return refuse(&Refusal::TokenFormInvalid("the form is no text".into()), cx);
    };
    let form = Query::parse(text);
    let wish = Wish {
        scopes: Scope::parse_all(form.all("scope")),
        refresh: form.first("access_type") == Some("offline"),
    };
    match proof(&form) {
        Ok(Proof::Credentials(credentials)) => authenticate(request, wish, credentials, cx),
        Ok(Proof::Refresh(token)) => refresh(&request, &wish, &token, cx),
        Err(reason) => refuse(&Refusal::TokenFormInvalid(reason.into()), cx),
    }
}

fn too_long() -> Refusal {
    Refusal::TokenFormInvalid("the form is too long".into())
}

/// Who asks, by the kind of grant (RFC 6749, sections 4.3 and 6; RFC 8693).
fn proof(form: &Query) -> Result<Proof, &'static str> {
    let secret = |key| form.first(key).map(SecretText::new);
    match form.first("grant_type") {
        Some("password") => match (form.first("username"), secret("password")) {
            (Some(user), Some(password)) => {
                Ok(Proof::Credentials(Credentials::Basic { user: user.into(), password }))
            }
            (_, _) => Err("username or password is missing"),
        },
        Some("refresh_token") => {
            secret("refresh_token").map(Proof::Refresh).ok_or("refresh_token is missing")
        }
        Some("urn:ietf:params:oauth:grant-type:token-exchange") => secret("subject_token")
            .map(|token| Proof::Credentials(Credentials::Bearer(token)))
            .ok_or("subject_token is missing"),
        Some(_) => Err("grant_type is neither password nor refresh_token nor a token exchange"),
        None => Err("grant_type is missing"),
    }
}

fn authenticate(request: Request, wish: Wish, credentials: Credentials, cx: &mut Cx<'_>) -> Flow {
    let config = cx.config;
    let Some(locks) = config.access.locks() else { return grant(&request, &wish, Pass::stranger(), cx) };
    let has_password = matches!(credentials, Credentials::Basic { .. });
    if has_password && !wish.refresh && is_for_strangers(&wish, &config.access) {
        return grant(&request, &wish, Pass::stranger(), cx);
    }
    match Authenticate::start(credentials, locks, &request, cx) {
        Step::Asked(authenticate) => {
            let stage = Stage::Authenticating { wish, authenticate };
            Flow::TokenGrant(Box::new(TokenGrant { request, stage }))
        }
        Step::Over(sender) => decide(&request, &wish, sender, cx),
    }
}

fn decide(request: &Request, wish: &Wish, sender: Sender, cx: &mut Cx<'_>) -> Flow {
    let access = &cx.config.access;
    match sender {
        Sender::LoggedIn(user) => grant(request, wish, Pass::of(user), cx),
        Sender::Known(pass) if !pass.expired => grant(request, &wish.without_refresh(), pass, cx),
        // A token that is good for nothing would only put off that somebody has to log in.
        Sender::Stranger if Action::ALL.iter().any(|action| access.allows_somewhere(None, *action)) => {
            grant(request, wish, Pass::stranger(), cx)
        }
        Sender::Stranger => refuse(&admit::unauthorized(request, None, &wish.scopes, access), cx),
        Sender::Known(_) => {
            refuse(&admit::unauthorized(request, Some(AuthFault::TokenExpired), &wish.scopes, access), cx)
        }
        Sender::Wrong(fault) => refuse(&admit::unauthorized(request, Some(fault), &wish.scopes, access), cx),
        Sender::Slow(retry_after) => refuse(&Refusal::TooManyTries { retry_after }, cx),
        Sender::Busy(retry_after) => refuse(&Refusal::Busy { retry_after }, cx),
    }
}

/// Whether everybody may read all that is asked for, and no more is asked for. Docker sends the credentials of its Hub to
/// every mirror: they are none of ours, and must not keep anybody from what needs none. They are not even looked at, as they
/// would count as wrong passwords, and the answer would tell who guesses. Whoever logs in asks for nothing, and has to be
/// told that the password is wrong.
fn is_for_strangers(wish: &Wish, access: &Access) -> bool {
    let pull = Actions::default().with(Action::Pull);
    let may = |scope: &Scope| match scope {
        Scope::Repository(repository, actions) => {
            *actions == pull && access.allows(None, repository).has(Action::Pull)
        }
        Scope::Catalog => false,
    };
    !wish.scopes.is_empty() && wish.scopes.iter().all(may)
}

/// A new token in the place of one that ends, for who has one to renew it with.
fn refresh(request: &Request, wish: &Wish, token: &SecretText, cx: &mut Cx<'_>) -> Flow {
    match refreshed(request, token, cx) {
        Some(user) => grant(request, &wish.without_refresh(), Pass::of(user), cx),
        None => {
            let fault = Some(AuthFault::TokenInvalid);
            refuse(&admit::unauthorized(request, fault, &wish.scopes, &cx.config.access), cx)
        }
    }
}

/// Who the user of a token is that others are had with, as long as it has the password that it had then.
fn refreshed(request: &Request, token: &SecretText, cx: &Cx<'_>) -> Option<Box<str>> {
    let config = cx.config;
    let (keyring, service) = (config.secret.keyring(), config.access.front.service());
    let renewal = open_refresh(keyring, service, token.expose(), request.given.now).ok()?;
    let name = renewal.opened.grant.subject.as_deref()?;
    let record = config.access.locks()?.users.find(name)?.record.stamp(STAMP);
    renewal.is_of(&record).then(|| name.into())
}

/// Grants of what is asked for what may be done.
fn grant(request: &Request, wish: &Wish, pass: Pass, cx: &mut Cx<'_>) -> Flow {
    let access = &cx.config.access;
    let mut scopes = narrowed(&wish.scopes, &pass, access);
    let (keyring, lives, now) = (cx.config.secret.keyring(), access.lives, request.given.now);
    // A token that is had for another one ends with it: who finds one could go on for ever.
    let left_seconds = pass.ends.map_or(u64::MAX, |ends| ends.saturating_sub(now));
    let life_seconds = lives.access.as_secs().min(left_seconds);
    let mut issuance =
        Issuance { service: access.front.service(), now, life_seconds, id: request.given.entropy };
    let token = loop {
        let said = scopes.iter().map(Scope::to_token).collect();
        let grant = Grant { subject: pass.user.clone(), access: said };
        match grant.sign(keyring, &issuance) {
            Some(token) => break token,
            // Names can be so long that a token of all would be too long.
            None if scopes.pop().is_some() => {}
            None => return refuse(&Refusal::Internal, cx),
        }
    };
    issuance.life_seconds = lives.refresh.as_secs();
    let refresh = wish.refresh.then(|| sign_refresh(&pass, &issuance, cx)).flatten();
    let scope: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    let body = Body {
        token: token.expose(),
        access_token: token.expose(),
        token_type: "Bearer",
        expires_in: life_seconds,
        issued_at: rfc3339(now),
        scope: scope.join(" "),
        refresh_token: refresh.as_ref().map(SecretText::expose),
    };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    cx.tell_user(pass.user);
    cx.reply(Answer::json(StatusCode::OK, body.into()).with_static(header::CACHE_CONTROL, "no-store"));
    Flow::Over
}

/// A token by which others are had.
fn sign_refresh(pass: &Pass, issuance: &Issuance<'_>, cx: &Cx<'_>) -> Option<SecretText> {
    let name = pass.user.as_deref().filter(|_| issuance.life_seconds > 0)?;
    let record = cx.config.access.locks()?.users.find(name)?.record.stamp(STAMP);
    let grant = Grant { subject: Some(name.into()), access: Vec::new() };
    grant.sign_refresh(cx.config.secret.keyring(), issuance, &record)
}

fn narrowed(scopes: &[Scope], pass: &Pass, access: &Access) -> Vec<Scope> {
    let granted = |scope: &Scope| match scope {
        Scope::Repository(repository, actions) => {
            let actions = pass.allows(access, repository).and(*actions);
            (!actions.is_empty()).then(|| Scope::Repository(repository.clone(), actions))
        }
        Scope::Catalog => {
            let sees = access.allows_somewhere(pass.user.as_deref(), Action::Pull);
            (sees && pass.may_list()).then_some(Scope::Catalog)
        }
    };
    scopes.iter().take(SCOPES_MAX).filter_map(granted).collect()
}

/// No form is longer, in bytes: room for a token of a workload, and for what is asked for.
const FORM_BYTES_MAX: u32 = 32 << 10;

/// What marks of passwords are made with before the key of the token goes over them: nothing of the current secret, so that
/// they hold when another one takes its place.
const STAMP: &[u8] = b"password of a refresh token";
