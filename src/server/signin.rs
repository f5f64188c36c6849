//! Signing in: by a password, by what renews a session, by a link; and the plain page behind a
//! link.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use estate::{
    ClientInfo, Error, LinkPurpose, Local, PASSWORD_LEAST, Secret, SignIn, SignInAttempt, Signed, Time,
};
use serde_json::{Value, json};

use super::asker::{CurrentUser, address};
use super::body::{self, Sent};
use super::html::{escape_html, html};
use super::params::{self, Named};
use super::problem::Problem;
use super::shapes::{Credentials, LinkAccepted, LinkSent, Renewal};
use super::streams::NetworkQueue;
use super::{AppState, PATIENCE};

fn object(signed: &Signed) -> Value {
    json!({ "token": signed.token.reveal(), "expires_at": signed.expires.to_string(),
            "renew": signed.renew.reveal(), "renew_until": signed.renew_until.to_string() })
}

/// The client that sent a request.
fn client(request: &Parts) -> ClientInfo {
    let program = request.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    ClientInfo::new(address(&request.extensions), program.unwrap_or_default())
}

/// The secret at the end of a link.
fn secret(link: &str) -> Result<Secret, Problem> {
    let end = link.trim().rsplit('/').next().unwrap_or_default();
    let secret = Secret::read(end);
    secret.ok_or_else(|| Error::not_found("link", "it was used, has ended, or never was").into())
}

impl AppState {
    /// Does what hashes a password: a few at a time, for each takes memory.
    async fn prove<T: Send + 'static>(
        &self,
        from: IpAddr,
        work: impl FnOnce(&Local) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let owner = Arc::clone(&self.sessions.owner);
        run_queued(&self.proofs, from, move || work(&owner)).await
    }

    /// The same for whoever is signed in.
    pub(super) async fn prove_own<T: Send + 'static>(
        &self,
        asker: &CurrentUser,
        from: IpAddr,
        work: impl FnOnce(&Local) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let local = Arc::clone(&asker.estate);
        run_queued(&self.proofs, from, move || work(&local)).await
    }

    /// Does what hashes no password for a client that is not signed in.
    async fn look_up<T: Send + 'static>(
        &self,
        from: IpAddr,
        work: impl FnOnce(&Local) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let owner = Arc::clone(&self.sessions.owner);
        run_queued(&self.lookups, from, move || work(&owner)).await
    }
}

/// Waits for a turn, then runs `work` where it may block, both within the time of a request.
async fn run_queued<T: Send + 'static>(
    queue: &NetworkQueue,
    from: IpAddr,
    work: impl FnOnce() -> estate::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let done = async {
        let turn = queue.acquire(from).await;
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await
    };
    match tokio::time::timeout(PATIENCE, done).await {
        Ok(Ok(done)) => Ok(done?),
        Ok(Err(panic)) => Err(Problem::internal_error(&panic)),
        Err(_) => Err(Problem::slow()),
    }
}

impl AppState {
    /// Counts and logs a sign-in that failed for a user, whoever else signed in by it, or that was
    /// at nobody.
    fn note_failures(&self, email: &str, from: IpAddr, attempt: &SignInAttempt) {
        let told = Some(from).filter(|_| !attempt.is_shared);
        for user in &attempt.failed {
            self.failed_sign_ins.record(*user, told, Time::now());
        }
        // docs/fail2ban.md describes these lines.
        let email = estate::text::clean(email);
        if attempt.outcome == Err(Error::WrongPassword) {
            tracing::warn!(address = %from, user = &*email, "sign-in failed");
        } else if !attempt.failed.is_empty() {
            let message = "password not right for every user of an address";
            tracing::warn!(address = %from, user = &*email, "{message}");
        }
    }
}

/// Signs in by password.
pub(super) async fn sign_in(
    State(served): State<AppState>,
    request: Parts,
    Sent(wanted): Sent<Credentials>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let Credentials { email, password, code, account } = wanted;
    let by = SignIn { email: email.clone(), password, code, account, client: client(&request) };
    by.check()?;
    let from = address(&request.extensions);
    served.limits.sign_in(&email, from).within()?;
    let attempt = served.prove(from, move |owner| owner.attempt_sign_in(&by, Time::now())).await?;
    served.note_failures(&email, from, &attempt);
    let mut answer = object(&attempt.outcome?);
    let failed = attempt.user.and_then(|user| served.failed_sign_ins.take(user));
    answer["failed_sign_ins"] = failed.map_or(Value::Null, |failed| failed.object());
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Renews a session.
pub(super) async fn renew(
    State(served): State<AppState>,
    request: Parts,
    Sent(wanted): Sent<Renewal>,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    let from = address(&request.extensions);
    served.limits.renewal(from).within()?;
    let secret = Secret::read(&wanted.renew).ok_or_else(Problem::not_signed_in)?;
    let client = client(&request);
    let renewed = served.look_up(from, move |owner| owner.renew(&secret, &client, Time::now()));
    Ok(Json(object(&renewed.await?)))
}

/// Signs out: the session is worth nothing any more.
pub(super) async fn sign_out(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<StatusCode, Problem> {
    params::none(&request)?;
    served.write(&asker, |local, _| local.sign_out()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom a link lets in.
pub(super) async fn look(
    State(served): State<AppState>,
    request: Parts,
    Sent(sent): Sent<LinkSent>,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    let from = address(&request.extensions);
    served.limits.link(from).within()?;
    let secret = secret(&sent.link)?;
    let invited = served.look_up(from, move |owner| owner.find_link(&secret, Time::now())).await?;
    let is_invitation = invited.purpose == LinkPurpose::Invitation;
    Ok(Json(json!({ "name": invited.name, "email": invited.email, "purpose": invited.purpose,
                    "invitation": is_invitation })))
}

/// Lets somebody in by a link.
pub(super) async fn accept(
    State(served): State<AppState>,
    request: Parts,
    Sent(chosen): Sent<LinkAccepted>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let signed = served.let_in(chosen, &request).await?;
    Ok((StatusCode::CREATED, Json(object(&signed))).into_response())
}

impl AppState {
    async fn let_in(&self, chosen: LinkAccepted, request: &Parts) -> Result<Signed, Problem> {
        let from = address(&request.extensions);
        self.limits.link(from).within()?;
        let secret = secret(&chosen.link)?;
        let LinkAccepted { password, name, code, .. } = chosen;
        let chosen = estate::Chosen { password, name, code, client: client(request) };
        self.prove(from, move |owner| owner.by_link(&secret, &chosen, Time::now())).await
    }
}

impl AppState {
    /// Ends the session that came with a link in a browser: the user signs in where they work.
    async fn end_unused(&self, signed: Signed, from: IpAddr) {
        let ended = self.look_up(from, move |owner| owner.beside(&signed.token, false)?.sign_out());
        // The link did what it is for; a session that nobody has the secrets of ends by itself.
        drop(ended.await);
    }
}

/// What the form of the page sends.
struct Filled {
    name: Option<String>,
    password: String,
    /// Absent where the password is not a new one.
    again: Option<String>,
    code: Option<String>,
}

impl Filled {
    fn read(form: &[u8]) -> Option<Self> {
        let field = |wanted: &str| {
            form_urlencoded::parse(form)
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let (password, again) = (field("password")?, field("again"));
        Some(Self { name: field("name"), password, again, code: field("code") })
    }
}

/// The page behind a link.
pub(super) async fn page(State(served): State<AppState>, link: Named, request: Parts) -> Response {
    let form = served.form(link, &request, None, false).await;
    form.unwrap_or_else(|problem| refused_page(&problem))
}

/// Takes what the page sends.
pub(super) async fn page_sent(State(served): State<AppState>, link: Named, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let body = body::whole(Request::from_parts(request.clone(), body), &served).await;
    let filled = body.ok().and_then(|form| Filled::read(&form));
    let end = match &link.0 {
        Ok(end) => end.clone(),
        Err(problem) => return refused_page(problem),
    };
    let mut code = false;
    let why = match filled {
        Some(filled) if filled.again.as_ref().is_some_and(|again| *again != filled.password) => {
            "The two passwords differ.".to_owned()
        }
        Some(filled) => {
            let chosen = LinkAccepted {
                link: end,
                password: filled.password,
                name: filled.name,
                code: filled.code,
            };
            match served.let_in(chosen, &request).await {
                Ok(signed) => {
                    served.end_unused(signed, address(&request.extensions)).await;
                    return done_page();
                }
                Err(problem) if problem.is(&Error::CodeNeeded) => {
                    code = true;
                    "Your account has a second factor: type the code your authenticator shows too."
                        .to_owned()
                }
                Err(problem) => problem.detail().to_owned(),
            }
        }
        None => "The form did not arrive whole.".to_owned(),
    };
    let form = served.form(link, &request, Some(&why), code).await;
    form.unwrap_or_else(|problem| refused_page(&problem))
}

impl AppState {
    async fn form(
        &self,
        link: Named,
        request: &Parts,
        why: Option<&str>,
        code: bool,
    ) -> Result<Response, Problem> {
        let from = address(&request.extensions);
        self.limits.link(from).within()?;
        let secret = secret(&link.0?)?;
        let invited = self.look_up(from, move |owner| owner.find_link(&secret, Time::now())).await?;
        let name = match invited.purpose {
            LinkPurpose::Invitation => format!(
                "<label>Your name<input name=name required maxlength=100 value=\"{}\"></label>",
                escape_html(&invited.name)
            ),
            LinkPurpose::Password | LinkPurpose::Address => String::new(),
        };
        let (title, fields, button) = match invited.purpose {
            LinkPurpose::Invitation => {
                ("Accept the invitation", new_password_fields(), "Sign in with this from now on")
            }
            LinkPurpose::Password => {
                ("Choose another password", new_password_fields(), "Sign in with this from now on")
            }
            LinkPurpose::Address => ("Confirm your address", PRESENT_PASSWORD.to_owned(), "Confirm"),
        };
        let why = why
            .map_or_else(String::new, |why| format!("<p class=no role=alert>{}</p>", escape_html(why)));
        let code = if code {
            "<label>Code<input name=code inputmode=numeric autocomplete=one-time-code></label>"
        } else {
            ""
        };
        let body = format!(
            "{why}<form method=post><p>{}</p>{name}{fields}{code}<button>{button}</button></form>",
            escape_html(&invited.email)
        );
        Ok(html(StatusCode::OK, title, &body))
    }
}

/// The field for the password there is.
const PRESENT_PASSWORD: &str = "<label>Your password<input type=password name=password required \
    autocomplete=current-password></label>";

/// The fields for a new password.
fn new_password_fields() -> String {
    format!(
        "<label>Password<input type=password name=password required minlength={PASSWORD_LEAST} \
         autocomplete=new-password></label>\
         <label>The same again<input type=password name=again required autocomplete=new-password></label>\
         <p class=hint>At least {PASSWORD_LEAST} characters: a few words that do not belong together.</p>"
    )
}

fn done_page() -> Response {
    let body = "<p>That is done. Sign in from your terminal:</p><pre>simdeck login &lt;this server's address&gt;</pre>";
    html(StatusCode::OK, "You can sign in", body)
}

fn refused_page(problem: &Problem) -> Response {
    let gone = problem.status() == StatusCode::NOT_FOUND;
    let (title, way_out) = if gone {
        ("This link does not work", "Ask whoever sent you the link for another one.")
    } else {
        ("Not now", "The link is as good as it was: try again in a while.")
    };
    let body = format!("<p class=no>{}</p><p>{way_out}</p>", escape_html(problem.detail()));
    html(problem.status(), title, &body)
}
