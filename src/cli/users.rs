//! `simdeck users` and `user …`.

use std::io::Write;

use clap::ValueEnum;
use estate::{Change, Error, Estate, Role, User, UserChange};
use serde_json::json;

use super::change::{self, Confirm, at_once};
use super::output::{check_written, list as print_list, plain};
use super::{Context, Outcome};
use crate::connect;
use crate::failure::{Exit, Failure};

/// List users.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those of one account.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
}

/// A role, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// Looks, filters, exports.
    ViewOnly,
    /// Also edits notes and runs diagnostics.
    User,
    /// Manages accounts, users, caps and moves.
    Admin,
}

impl Named {
    fn role(self) -> Role {
        match self {
            Self::ViewOnly => Role::ViewOnly,
            Self::User => Role::User,
            Self::Admin => Role::Admin,
        }
    }
}

/// A user, by address; the account tells apart who was invited to several.
#[derive(Debug, Clone, clap::Args)]
pub struct Who {
    /// Their mail address.
    email: String,
    /// The account they belong to, where the address is known in several.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
    #[command(flatten)]
    confirm: Confirm,
}

/// What can be done to one user.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// Invite a user. They accept by signing in for the first time.
    Add {
        /// Their mail address.
        email: String,
        /// Their full name.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long)]
        role: Named,
        /// The account they belong to; yours without it.
        #[arg(long, value_name = "PATH")]
        account: Option<String>,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Give a user another role.
    Role {
        /// What they may do from now on.
        #[arg(long)]
        to: Named,
        #[command(flatten)]
        who: Who,
    },
    /// Send the invitation once more.
    Resend(Who),
    /// Make a link by which a user accepts their invitation, or chooses another password. It works
    /// once. Where mail is configured it is mailed to them, and not shown.
    Link {
        /// Their mail address.
        email: String,
        /// The account they belong to, where the address is known in several.
        #[arg(long, value_name = "PATH")]
        account: Option<String>,
        /// Their second factor goes too.
        #[arg(long)]
        second_factor: bool,
    },
    /// Keep a user from signing in.
    Disable(Who),
    /// Let a user sign in again.
    Enable(Who),
    /// Take a user away. What they did stays in the history.
    Remove(Who),
}

pub fn list(context: &Context, args: &ListArgs) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    let account = args.account.as_deref().map(|path| accounts.find(path)).transpose()?;
    let users = local.users(account, &plain())?;
    let signed = |u: &User| u.signed_in.map_or_else(|| "never".to_owned(), |t| context.stamp(t));
    let row = |u: &User| {
        vec![
            u.email.clone(),
            u.name.clone(),
            u.role.word().into(),
            u.state.word().into(),
            accounts.path(u.account),
            signed(u),
        ]
    };
    let rows: Vec<Vec<String>> = users.iter().map(row).collect();
    let object = |u: &User| {
        json!({ "id": u.id, "email": u.email, "name": u.name, "role": u.role.word(), "state": u.state.word(),
                "account": accounts.path(u.account), "invited_at": u.invited.map(|t| t.to_string()),
                "signed_in_at": u.signed_in.map(|t| t.to_string()) })
    };
    let head = ["email", "name", "role", "state", "account", "signed_in"];
    print_list(context, &head, &rows, users.iter().map(object).collect())?;
    Ok(Exit::Done)
}

pub fn one(context: &Context, command: UserCommand) -> Outcome {
    let local = context.open()?;
    let (who, to) = match command {
        UserCommand::Add { email, name, role, account, confirm } => {
            let accounts = local.accounts(&plain())?;
            let account = account
                .map_or_else(|| super::select::top(local.as_ref()), |path| Ok(accounts.find(&path)?))?;
            let what = format!("Invite {email} to {}", accounts.path(account));
            let added = Change::AddUser { account, name, email: email.clone(), role: role.role() };
            let done = change::run(context, local.as_ref(), added, at_once(confirm), &what)?;
            if !confirm.dry_run {
                context.say(say_invited(context, local.as_ref(), &email));
            }
            return Ok(done);
        }
        UserCommand::Link { email, account, second_factor } => {
            let user = find_user(local.as_ref(), &email, account.as_deref())?;
            return link(context, local.as_ref(), &user, second_factor);
        }
        UserCommand::Role { to, who } => (who, UserChange::Role(to.role())),
        UserCommand::Resend(who) => (who, UserChange::Invite),
        UserCommand::Disable(who) => (who, UserChange::Disable),
        UserCommand::Enable(who) => (who, UserChange::Enable),
        UserCommand::Remove(who) => (who, UserChange::Remove),
    };
    let user = find_user(local.as_ref(), &who.email, who.account.as_deref())?;
    let what = match to {
        UserChange::Role(role) => format!("Make {} {role}", user.email),
        UserChange::Invite => format!("Invite {} again", user.email),
        UserChange::Disable => format!("Keep {} from signing in", user.email),
        UserChange::Enable => format!("Let {} sign in again", user.email),
        UserChange::Remove => format!("Remove {}", user.email),
    };
    // What a word brings back does not ask.
    let confirm = if to == UserChange::Remove { who.confirm } else { at_once(who.confirm) };
    change::run(context, local.as_ref(), Change::ChangeUser { user: user.id, to }, confirm, &what)
}

/// Returns what to say of an invitation: how it reaches the user.
fn say_invited(context: &Context, local: &dyn Estate, email: &str) -> String {
    if local.mails_links() {
        return format!("the invitation was mailed to {email}, with a link to accept it by");
    }
    let link = format!("make them a link: simdeck user link {email}");
    match local.local() {
        None => format!("no invitation was mailed: {link}"),
        Some(_) if context.config.mail.is_some() => format!("the invitation was mailed to {email}"),
        Some(_) => {
            format!("no mail server is configured here: tell them to sign in as {email}, or {link}")
        }
    }
}

/// Makes a link, and says where it leads or that it was mailed.
fn link(context: &Context, local: &dyn Estate, user: &User, all: bool) -> Outcome {
    let link = local.link(user.id, all)?;
    if let Some(address) = &link.mailed_to {
        context.say(format!("the link was mailed to {address}; it works once, until {}", link.expires));
        return Ok(Exit::Done);
    }
    let server = connect::server(&context.globals, &context.config)?.map(|server| server.url);
    let base = server.or_else(|| context.config.url.clone());
    let at = link.url(base.as_deref().unwrap_or("https://YOUR-SERVER")).unwrap_or_default();
    context.say(format!("hand it to them: it works once, until {}", link.expires));
    if base.is_none() {
        context.say("put the address of your server in its place; url = \"https://…\" in the configuration says it once and for all");
    }
    check_written(writeln!(std::io::stdout(), "{at}"))?;
    Ok(Exit::Done)
}

/// The user of that address, among those this user sees.
pub fn find_user(local: &dyn Estate, email: &str, account: Option<&str>) -> Result<User, Failure> {
    let accounts = local.accounts(&plain())?;
    let account = account.map(|path| accounts.find(path)).transpose()?;
    let wanted = estate::text::case_fold(email.trim());
    let users = local.users(account, &plain())?;
    let near = || users.iter().map(|u| u.email.as_str());
    let mut found: Vec<&User> =
        users.iter().filter(|u| estate::text::case_fold(&u.email) == wanted).collect();
    match (found.pop(), found.len()) {
        (None, _) => Err(Error::not_found_near("user", email, near()).into()),
        (Some(user), 0) => Ok(user.clone()),
        (Some(user), _) => {
            let all = found.iter().chain([&user]).map(|u| accounts.path(u.account)).collect();
            Err(Error::Ambiguous { name: email.to_owned(), candidates: all }.into())
        }
    }
}
