//! `simdeck token …`.

use std::io::Write;

use clap::ValueEnum;
use estate::{Error, Estate, NewToken, Time, Token, User};
use serde_json::json;

use super::output::{check_written, list as print_list, plain};
use super::users::find_user;
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};

/// What can be done with API tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token for yourself. It is printed once and kept nowhere.
    Create(Create),
    /// List your tokens, or those of a user of an account you manage.
    List {
        /// The user's mail address.
        #[arg(long = "user", id = "whose", value_name = "EMAIL")]
        user: Option<String>,
    },
    /// End a token: the next request with it is refused.
    Revoke {
        /// Its name, or how it begins.
        token: String,
        /// Whose it is; yours without it.
        #[arg(long = "user", id = "whose", value_name = "EMAIL")]
        user: Option<String>,
    },
}

/// Which token to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What to call it: the program that will use it.
    name: String,
    /// The account it is good for, with all below; everything you see without it.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
    /// Whether changes can be made with it.
    #[arg(long, default_value = "read")]
    scope: Scope,
    /// When it ends: a duration from now (90d, 12w), a date (2027-01-31), or never.
    #[arg(long, value_name = "WHEN", default_value = "90d")]
    expires: String,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Looking.
    Read,
    /// Looking, and whatever its user may change.
    Write,
}

impl Command {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::List { .. })
    }
}

pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Create(new) => create(context, new),
        Command::List { user } => list(context, user.as_deref()),
        Command::Revoke { token, user } => revoke(context, token, user.as_deref()),
    }
}

/// Reads when a token ends.
fn ends(text: &str, now: Time) -> Result<Option<Time>, Error> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    let at = Time::parse_or_in(text, now);
    at.map(Some).map_err(|_| Error::invalid("expires", format!("{text:?} is not 90d, a date or never")))
}

fn create(context: &Context, new: &Create) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    let account = new.account.as_deref().map(|path| accounts.find(path)).transpose()?;
    let expires = ends(&new.expires, Time::now())?;
    let wanted = NewToken { name: new.name.clone(), account, writes: new.scope == Scope::Write, expires };
    let (token, secret) = local.add_token(&wanted)?;
    let does = if token.writes { "reads and changes" } else { "reads" };
    let until =
        token.expires.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {at}"));
    context.say(format!(
        "{} {does} {} and below, {until}; it is not shown again:",
        token.name,
        accounts.path(token.account)
    ));
    check_written(writeln!(std::io::stdout(), "{}", secret.reveal()))?;
    Ok(Exit::Done)
}

/// Whoever the tokens belong to.
fn owner(local: &dyn Estate, email: Option<&str>) -> Result<User, Failure> {
    email.map_or_else(|| Ok(local.me().clone()), |email| find_user(local, email, None))
}

fn list(context: &Context, email: Option<&str>) -> Outcome {
    let local = context.open()?;
    let tokens = local.tokens(owner(local.as_ref(), email)?.id)?;
    let accounts = local.accounts(&plain())?;
    let scope = |token: &Token| if token.writes { "write" } else { "read" };
    let when = |at: Option<Time>| at.map_or_else(|| "never".to_owned(), |at| context.stamp(at));
    let row = |token: &Token| {
        let account = accounts.path(token.account);
        let (expires, used) = (when(token.expires), when(token.used));
        vec![token.name.clone(), token.prefix.clone(), scope(token).into(), account, expires, used]
    };
    let object = |token: &Token| {
        json!({ "id": token.id, "name": token.name, "prefix": token.prefix, "scope": scope(token),
                "account": accounts.path(token.account), "created_at": token.created.to_string(),
                "expires_at": token.expires.map(|at| at.to_string()),
                "last_used_at": token.used.map(|at| at.to_string()) })
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    let head = ["name", "prefix", "scope", "account", "expires", "last_used"];
    print_list(context, &head, &rows, tokens.iter().map(object).collect())?;
    Ok(Exit::Done)
}

fn revoke(context: &Context, named: &str, email: Option<&str>) -> Outcome {
    let local = context.open()?;
    let tokens = local.tokens(owner(local.as_ref(), email)?.id)?;
    let folded = estate::text::fold(named);
    let token = tokens.iter().find(|t| t.prefix == named || estate::text::fold(&t.name) == folded);
    let near = || tokens.iter().map(|t| t.name.as_str());
    let token = token.ok_or_else(|| Error::not_found_near("token", named, near()))?;
    let token = local.revoke_token(token.id)?;
    context.say(format!("{} ({}…) is revoked", token.name, token.prefix));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_token_ends_is_days_a_date_or_never() {
        let now = Time(1_000);
        assert_eq!(ends("never", now), Ok(None));
        assert_eq!(ends("2d", now), Ok(Some(Time(1_000 + 2 * estate::DAY))));
        assert_eq!(ends("2027-01-31", now), Time::parse("2027-01-31").map(Some));
        for bad in ["", "d", "-1d", "soon", "9999999d"] {
            assert!(ends(bad, now).is_err(), "{bad}");
        }
    }
}
