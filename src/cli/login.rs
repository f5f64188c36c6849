//! `simdeck login`, `logout` and `accept`: signing in at a server, and what with.

use std::io::{BufRead, IsTerminal, Write};

use estate::{Chosen, Error, Estate, LinkPurpose, SignIn};

use super::{Context, Outcome};
use crate::connect;
use crate::credentials::{CredentialStore, Credentials, Kept, VARIABLE};
use crate::failure::{Exit, Failure};
use crate::remote::{Remote, Server, SignInClient};

/// Sign in at a server. What renews the session is kept in the keyring, or in a file only you can
/// read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Whoever has no password yet: simdeck profile --password, where the store is; or a link an Admin makes (simdeck user link).\n\
                        Where nobody types, the password is a line of standard input, and a code the next.\n\n\
                        What comes first: SIMDECK_TOKEN, then token_command of the profile or the configuration (by the shell; only for the\n\
                        server it stands beside), then what login kept. SIMDECK_NO_KEYRING=1 keeps the keyring out of it.\n\
                        In the configuration: server, ca, token_command; the same under [profile.NAME], for --profile NAME."
)]
pub struct LoginArgs {
    /// Its address; the one of the profile or the configuration without it.
    url: Option<String>,
    /// Your mail address; asked for without it.
    #[arg(long)]
    email: Option<String>,
    /// Your account, by name or number (`acc_7`), where the address is a user of several.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Keep an API token instead: it is read from standard input.
    #[arg(long, conflicts_with_all = ["email", "account"])]
    token: bool,
}

/// Sign out at a server, and forget what was kept for it.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// Its address; the one of the profile or the configuration without it.
    url: Option<String>,
}

/// Accept an invitation, choose another password or confirm an address, by a link you were given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Where nobody types, the password is a line of standard input.")]
pub struct AcceptArgs {
    /// The link.
    url: String,
    /// Your name, if it is another than whoever invited you wrote.
    #[arg(long)]
    name: Option<String>,
}

fn server(context: &Context, url: Option<&str>) -> Result<Server, Failure> {
    let mut globals = context.globals.clone();
    globals.server = url.map(str::to_owned).or(globals.server);
    let none = || Failure::Usage("which server? simdeck login https://sims.example".into());
    connect::server(&globals, &context.config)?.ok_or_else(none)
}

/// Asks on the terminal, or reads a line of standard input.
fn ask(prompt: &str) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        let _ = write!(std::io::stderr(), "{prompt}");
        let _ = std::io::stderr().flush();
    }
    line()
}

/// A line of standard input.
fn line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|e| Failure::io("cannot read the answer", e))?;
    Ok(line.trim().to_owned())
}

/// Asks for what is not shown while it is typed; where nobody types, it is a line of standard
/// input.
fn secret(prompt: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    rpassword::prompt_password(prompt).map_err(|e| Failure::io("cannot read the answer", e))
}

/// Asks for a new password, twice where somebody types.
fn new_password() -> Result<String, Failure> {
    let password = secret("New password: ")?;
    if std::io::stdin().is_terminal() && secret("The same again: ")? != password {
        return Err(Failure::Usage("the two passwords differ".into()));
    }
    Ok(password)
}

/// Keeps what was signed in with, and says who that is.
fn keep(context: &Context, server: Server, kept: &Kept) -> Outcome {
    let shelf = CredentialStore::of(&server.url);
    let replaced = shelf.read()?.filter(|before| before.renew.is_some() && before != kept);
    let place = shelf.write(kept)?;
    if let Some(replaced) = replaced {
        end_replaced(context, server.clone(), replaced);
    }
    let url = server.url.clone();
    let credentials = Credentials::load_kept(&url)?.ok_or_else(|| Error::NotSignedIn(url.clone()))?;
    let remote = Remote::connect(server, credentials, false)?;
    let me = remote.me();
    context.say(format!("signed in at {url} as {} ({}); kept in {place}", me.email, me.role));
    if let Some(failed) = &kept.failed_sign_ins {
        context.say(failed.message());
    }
    if std::env::var_os(VARIABLE).is_some() {
        context.say(format!("{VARIABLE} is set, and comes before what was kept"));
    }
    Ok(Exit::Done)
}

/// Ends a session whose secrets are kept no more. An API token goes on: other programs may use it.
fn end_replaced(context: &Context, server: Server, replaced: Kept) {
    let credentials = Credentials::from_replaced(replaced);
    let ended = Remote::connect(server, credentials, false).and_then(|remote| remote.sign_out());
    match ended {
        Ok(()) | Err(Error::SignedOut) => {}
        Err(error) => context.say(format!("the session before this one was not ended: {error}")),
    }
}

pub fn login(context: &Context, args: &LoginArgs) -> Outcome {
    let server = server(context, args.url.as_deref())?;
    if args.token {
        let token = secret("API token: ")?;
        let credentials = Credentials::from_token(&token)?;
        Remote::connect(server.clone(), credentials, false)?;
        return keep(
            context,
            server,
            &Kept { token: token.trim().to_owned(), renew: None, failed_sign_ins: None },
        );
    }
    let door = SignInClient::new(server.clone())?;
    let email = args.email.clone().map_or_else(|| ask("Mail address: "), Ok)?;
    let password = secret("Password: ")?;
    let mut by = SignIn { email, password, account: args.account.clone(), ..SignIn::default() };
    let kept = loop {
        match door.sign_in(&by) {
            Err(Error::CodeNeeded) if by.code.is_none() => by.code = Some(ask("Code: ")?),
            Err(Error::AccountNeeded(choices))
                if by.account.is_none() && std::io::stdin().is_terminal() =>
            {
                for choice in &choices {
                    context.say(format!("  {choice}"));
                }
                by.account = Some(ask("Account: ")?);
            }
            other => break other?,
        }
    };
    keep(context, server, &kept)
}

pub fn logout(context: &Context, args: &LogoutArgs) -> Outcome {
    let server = server(context, args.url.as_deref())?;
    let shelf = CredentialStore::of(&server.url);
    let Some(kept) = shelf.read()? else {
        context.say(format!("nothing was kept for {}", server.url));
        return Ok(Exit::Done);
    };
    let ended = match Credentials::load_kept(&server.url)? {
        // What renews it ends with it: a session that has run out is renewed, to be ended.
        Some(credentials) if kept.renew.is_some() => {
            Remote::connect(server.clone(), credentials, false).and_then(|remote| remote.sign_out())
        }
        // An API token goes on: other programs may use it.
        _ => Ok(()),
    };
    shelf.forget()?;
    match ended {
        Ok(()) | Err(Error::SignedOut) => context.say(format!("signed out at {}", server.url)),
        Err(error) => context.say(format!("forgotten here, but {} was not told: {error}", server.url)),
    }
    Ok(Exit::Done)
}

pub fn accept(context: &Context, args: &AcceptArgs) -> Outcome {
    let wrong = || Failure::Usage("a link looks like https://sims.example/accept/simdeck_…".into());
    let (url, _) = args.url.split_once("/accept/").ok_or_else(wrong)?;
    let server = server(context, Some(url))?;
    let door = SignInClient::new(server.clone())?;
    let invited = door.find_link(&args.url)?;
    let why = match invited.purpose {
        LinkPurpose::Invitation => "your invitation",
        LinkPurpose::Password => "another password",
        LinkPurpose::Address => "your new address",
    };
    context.say(format!("{} <{}>: {why}", invited.name, invited.email));
    let password = match invited.purpose {
        LinkPurpose::Address => secret("Password: ")?,
        LinkPurpose::Invitation | LinkPurpose::Password => new_password()?,
    };
    let mut chosen = Chosen { password, name: args.name.clone(), ..Chosen::default() };
    let kept = match door.accept(&args.url, &chosen) {
        Err(Error::CodeNeeded) => {
            chosen.code = Some(ask("Code: ")?);
            door.accept(&args.url, &chosen)
        }
        other => other,
    }?;
    keep(context, server, &kept)
}

/// Chooses a password.
pub fn choose(context: &Context, estate: &dyn Estate) -> Outcome {
    let current = current(estate)?;
    estate.set_password(&current, &new_password()?)?;
    context.say("that is your password from now on; sessions that were signed in by another have ended");
    Ok(Exit::Done)
}

/// The password there is: at the store itself its owner is trusted.
fn current(estate: &dyn Estate) -> Result<String, Failure> {
    if estate.local().is_some() { Ok(String::new()) } else { secret("Password: ") }
}

/// Switches the second factor on or off.
pub fn factor(context: &Context, estate: &dyn Estate, on: bool) -> Outcome {
    let current = current(estate)?;
    if !on {
        estate.disable_totp(&current)?;
        context.say("no code is asked for any more");
        return Ok(Exit::Done);
    }
    let factor = estate.enroll_totp(&current)?;
    context.say(format!(
        "Set your authenticator up by this key, or by this address:\n\n  {}\n  {}\n",
        factor.secret, factor.url
    ));
    estate.confirm_totp(&ask("The code it shows: ")?)?;
    context.say("a code is asked for beside your password from now on");
    Ok(Exit::Done)
}
