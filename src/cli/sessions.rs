//! `simdeck sessions` and `session end`.

use estate::{Error, Estate, SignInSession, TokenId, User};
use serde_json::json;

use super::output::list as print_list;
use super::users::find_user;
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};

/// List your sessions at a server, or those of a user of an account you manage. The store itself
/// has no sessions: where it is opened as a file, these are the ones of its server.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    whose: Whose,
}

/// The user whose sessions are meant.
#[derive(Debug, clap::Args)]
struct Whose {
    /// The user's mail address; yours without it.
    #[arg(long = "user", id = "whose", value_name = "EMAIL")]
    user: Option<String>,
    /// The account of that user, where the address is known in several.
    #[arg(long, value_name = "PATH", requires = "whose")]
    account: Option<String>,
}

impl Whose {
    fn find(&self, estate: &dyn Estate) -> Result<User, Failure> {
        match &self.user {
            Some(email) => find_user(estate, email, self.account.as_deref()),
            None => Ok(estate.me().clone()),
        }
    }
}

/// What can be done to sessions.
#[derive(Debug, clap::Subcommand)]
pub enum SessionCommand {
    /// End a session, or all but the one that asks: the next request with it is refused.
    End(EndArgs),
}

#[derive(Debug, clap::Args)]
pub struct EndArgs {
    /// Its number, as the list shows it.
    #[arg(required_unless_present = "all")]
    id: Option<String>,
    /// All sessions of the user, but for the one that asks.
    #[arg(long, conflicts_with = "id")]
    all: bool,
    #[command(flatten)]
    whose: Whose,
}

pub fn list(context: &Context, args: &ListArgs) -> Outcome {
    let estate = context.open()?;
    let user = args.whose.find(estate.as_ref())?;
    let sessions = estate.sessions(user.id)?;
    if estate.local().is_some() {
        context.say("these are sessions at the server of this store; the store itself has none");
    }
    let when = |at: Option<estate::Time>| at.map_or_else(|| "never".to_owned(), |at| context.stamp(at));
    let row = |one: &SignInSession| {
        let current = if one.is_current { "yes" } else { "no" };
        vec![
            number(one.id),
            one.client.program.clone(),
            one.client.address.clone(),
            context.stamp(one.created),
            when(one.used),
            current.to_owned(),
        ]
    };
    let object = |one: &SignInSession| {
        json!({ "id": number(one.id), "program": one.client.program, "address": one.client.address,
                "created_at": one.created.to_string(), "last_used_at": one.used.map(|at| at.to_string()),
                "expires_at": one.expires.to_string(), "current": one.is_current })
    };
    let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
    let head = ["id", "program", "address", "created", "last_used", "current"];
    print_list(context, &head, &rows, sessions.iter().map(object).collect())?;
    Ok(Exit::Done)
}

pub fn run(context: &Context, command: &SessionCommand) -> Outcome {
    let SessionCommand::End(args) = command;
    let estate = context.open()?;
    let user = args.whose.find(estate.as_ref())?;
    let Some(id) = &args.id else {
        let ended = match estate.end_sessions(user.id)? {
            1 => "1 session".to_owned(),
            many => format!("{many} sessions"),
        };
        context.say(format!("ended {ended} of {}", user.email));
        return Ok(Exit::Done);
    };
    // Its number says whose it is; the list of that user says that it is one.
    let sessions = estate.sessions(user.id)?;
    let known = sessions.iter().find(|one| number(one.id) == *id).map(|one| one.id);
    let ended = estate.end_session(known.ok_or_else(|| Error::not_found("session", id))?)?;
    let of = if ended.client.program.is_empty() { "an unknown program" } else { &ended.client.program };
    context.say(format!("ended the session {} of {}, with {of}", number(ended.id), user.email));
    Ok(Exit::Done)
}

/// The identifier as it is shown and typed.
fn number(id: TokenId) -> String {
    format!("ses_{}", id.0)
}
