use super::authenticate::{Authenticate, Sender, Step};
use super::{Flow, refuse};
use crate::access::{Access, Action, Actions, Credentials, Pass, Scope};
use crate::exchange::{Cx, Event, Request};
use crate::oci::{AuthFault, Refusal, Repository};
use crate::route::{Route, Routed, Verb};

/// The gate before every endpoint: who sends a request, and whether it may.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Admit {
    routed: Routed,
    request: Request,
    stage: Authenticate,
}

/// What a request needs.
enum Need<'a> {
    /// To be known at all, if anybody is: clients look here whether they have to log in.
    Ping,
    /// To see the list of repositories.
    List,
    /// To do something in a repository.
    In(&'a Repository, Action),
}

impl Admit {
    /// Lets in whom nothing has to be asked of, and asks the others.
    pub(crate) fn start(routed: Routed, request: Request, credentials: Credentials, cx: &mut Cx<'_>) -> Flow {
        let config = cx.config;
        let Some(locks) = config.access.locks() else { return Flow::enter(routed, request, cx) };
        match Authenticate::start(credentials, locks, &request, cx) {
            Step::Asked(stage) => Flow::Admit(Box::new(Self { routed, request, stage })),
            Step::Over(sender) => decide(routed, request, sender, cx),
        }
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        let Self { routed, request, stage } = *self;
        let config = cx.config;
        let Some(locks) = config.access.locks() else { return Flow::enter(routed, request, cx) };
        match stage.step(event, locks, request.given.now, cx) {
            Step::Asked(stage) => Flow::Admit(Box::new(Self { routed, request, stage })),
            Step::Over(sender) => decide(routed, request, sender, cx),
        }
    }
}

fn decide(routed: Routed, mut request: Request, sender: Sender, cx: &mut Cx<'_>) -> Flow {
    // The log says of who is denied something, too, who it was.
    cx.tell_user(sender.user().map(Into::into));
    match admitted(&routed, &request, sender, &cx.config.access) {
        Ok(pass) => {
            request.pass = pass;
            Flow::enter(routed, request, cx)
        }
        Err(refusal) => refuse(&refusal, cx),
    }
}

fn admitted(routed: &Routed, request: &Request, sender: Sender, access: &Access) -> Result<Pass, Refusal> {
    let need = Need::of(routed);
    let scopes = need.as_ref().map(|need| need.scopes(routed)).unwrap_or_default();
    let login = |fault| unauthorized(request, fault, &scopes, access);
    let pass = match sender {
        Sender::Stranger => Pass::stranger(),
        Sender::LoggedIn(user) => Pass::of(user),
        Sender::Known(pass) => pass,
        Sender::Wrong(fault) => return Err(login(Some(fault))),
        Sender::Slow(retry_after) => return Err(Refusal::TooManyTries { retry_after }),
        Sender::Busy(retry_after) => return Err(Refusal::Busy { retry_after }),
    };
    let is_upload = matches!(routed.route, Route::Upload { .. });
    if pass.expired && !is_upload {
        return Err(login(Some(AuthFault::TokenExpired)));
    }
    let (by_rules, by_token) = match need {
        None => (true, true),
        Some(Need::Ping) => (pass.user.is_some() || pass.scopes.is_some(), true),
        Some(Need::List) => (access.allows_somewhere(pass.user.as_deref(), Action::Pull), pass.may_list()),
        Some(Need::In(repository, action)) => {
            let by_rules = access.allows(pass.user.as_deref(), repository).has(action);
            (by_rules, pass.scoped(repository).has(action))
        }
    };
    match (by_rules, by_token) {
        (true, true) => Ok(pass),
        // Another token helps.
        (true, false) => Err(login(Some(AuthFault::TokenInsufficient))),
        // Only somebody else may.
        (false, _) if pass.user.is_some() => Err(Refusal::Denied),
        (false, _) => Err(login(pass.scopes.is_some().then_some(AuthFault::TokenInsufficient))),
    }
}

impl<'a> Need<'a> {
    /// `None` if there is none: who asks for a token is looked at there.
    fn of(routed: &'a Routed) -> Option<Self> {
        Some(match (&routed.route, routed.method) {
            (Route::Token, _) => return None,
            (Route::Base, _) => Self::Ping,
            (Route::Catalog { .. }, _) => Self::List,
            (Route::Tags { repository, .. } | Route::Referrers { repository, .. }, _) => {
                Self::In(repository, Action::Pull)
            }
            // Who began an upload may end it: clients do not ask for the right to delete then.
            (Route::Uploads { repository } | Route::Upload { repository, .. }, _) => {
                Self::In(repository, Action::Push)
            }
            (Route::Blob { repository, .. } | Route::Manifest { repository, .. }, verb) => Self::In(
                repository,
                match verb {
                    Verb::Get | Verb::Head => Action::Pull,
                    Verb::Post | Verb::Put | Verb::Patch => Action::Push,
                    Verb::Delete => Action::Delete,
                },
            ),
        })
    }

    /// What a token has to be asked for with. Who pushes looks first whether it has to, so a push goes with a pull, and a
    /// mount with a pull from where it mounts.
    fn scopes(&self, routed: &Routed) -> Vec<Scope> {
        let pull = Actions::default().with(Action::Pull);
        match self {
            Self::Ping => Vec::new(),
            Self::List => vec![Scope::Catalog],
            Self::In(repository, action) => {
                let actions = match action {
                    Action::Pull => pull,
                    Action::Push => pull.with(Action::Push),
                    Action::Delete => Actions::default().with(Action::Delete),
                };
                let from = match &routed.route {
                    Route::Uploads { .. } => routed.query.first("from"),
                    Route::Base
                    | Route::Token
                    | Route::Catalog { .. }
                    | Route::Tags { .. }
                    | Route::Blob { .. }
                    | Route::Manifest { .. }
                    | Route::Upload { .. }
                    | Route::Referrers { .. } => None,
                };
                let from =
                    from.and_then(|name| Repository::parse(name).ok()).filter(|from| from != *repository);
                let scopes = std::iter::once(Scope::Repository((*repository).clone(), actions));
                scopes.chain(from.map(|from| Scope::Repository(from, pull))).collect()
            }
        }
    }
}

/// Asks for a token (the token specification of the distribution project, "How to authenticate"). Never for a password: a
/// client of the Docker family that once was asked for one sends no request without, and strangers could not pull.
pub(crate) fn unauthorized(
    request: &Request,
    fault: Option<AuthFault>,
    scopes: &[Scope],
    access: &Access,
) -> Refusal {
    let (origin, service) = (&request.origin, access.front.service());
    let mut challenge = format!("Bearer realm=\"{origin}{TOKEN_PATH}\",service=\"{service}\"");
    if !scopes.is_empty() {
        let scopes: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        challenge.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    match fault {
        None | Some(AuthFault::Wrong) => {}
        Some(AuthFault::TokenInvalid | AuthFault::TokenExpired) => {
            challenge.push_str(",error=\"invalid_token\"")
        }
        Some(AuthFault::TokenInsufficient) => challenge.push_str(",error=\"insufficient_scope\""),
    }
    Refusal::Unauthorized { challenge: challenge.into(), fault }
}

/// Where tokens are had; where zuul-registry has them.
const TOKEN_PATH: &str = "/auth/token";
