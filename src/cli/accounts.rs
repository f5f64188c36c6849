//! `simdeck accounts`, `account …` and `users`.

use estate::levels::{parse_cap, shown};
use estate::units::count;
use estate::{Accounts, Change, Error, Estate, PeriodRule, split_path};
use serde_json::json;

use super::change::{self, Confirm};
use super::output::{list as print_list, plain};
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};

/// List the accounts you see, with their SIM counts.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Indent names instead of printing paths.
    #[arg(long)]
    tree: bool,
}

/// List users.
#[derive(Debug, clap::Args)]
pub struct UsersArgs {
    /// Only those of one account.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
}

/// What can be done to one account.
#[derive(Debug, clap::Subcommand)]
pub enum One {
    /// Make an account.
    Add {
        /// Its path; the account above it exists already.
        path: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Give an account another name.
    Rename {
        /// The account.
        path: String,
        /// The new name.
        name: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Hang an account, with everything below it, under another.
    Move {
        /// The account.
        path: String,
        /// The account it goes under.
        #[arg(long, value_name = "PATH")]
        under: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Say when the billing periods of an account, and of those below it, begin.
    Period {
        /// The account.
        path: String,
        /// month, day:23, activation:30, or inherit to go by the account above again.
        rule: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Switch caps and alerts on or off in an account and below it.
    Caps {
        /// The account.
        path: String,
        /// On or off.
        switch: super::profile::Switch,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Say how high caps may be in an account and below it; SIMs above that are held to it.
    Ceiling {
        /// The account.
        path: String,
        /// A size such as 500MB (10⁶) or 1.5GiB (2³⁰), or none.
        ceiling: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Show, add or take away who else hears of an account's SIMs: mail addresses and webhooks.
    Notify {
        /// The account: what lies below it counts too.
        path: String,
        /// A mail address, or the https:// URL of a webhook.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "remove")]
        add: Option<String>,
        /// Take an address away, off the SIMs that name it too.
        #[arg(long, value_name = "ADDRESS")]
        remove: Option<String>,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Remove an account that has no SIMs, no users and no accounts below it.
    Delete {
        /// The account.
        path: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Show an account.
    Show {
        /// The account.
        path: String,
    },
}

pub fn list(context: &Context, args: &ListArgs) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    let name = |a: &estate::Account| {
        if args.tree { format!("{}{}", "  ".repeat(a.depth.into()), a.name) } else { accounts.path(a.id) }
    };
    let rows: Vec<Vec<String>> = accounts
        .all()
        .iter()
        .map(|a| vec![name(a), context.number(a.own), context.number(a.subtree), admin(a).into()])
        .collect();
    let json = accounts.all().iter().map(|a| object(&accounts, a)).collect();
    print_list(context, &["account", "sims", "with_below", "admin"], &rows, json)?;
    Ok(Exit::Done)
}

/// Lists who else hears of an account's SIMs.
fn notified(context: &Context, local: &dyn Estate, account: estate::AccountId) -> Outcome {
    let externals = local.externals(account, &plain())?;
    let rows: Vec<Vec<String>> = externals
        .iter()
        .map(|x| vec![x.channel.word().into(), x.address.clone(), x.secret.clone()])
        .collect();
    let json = externals.iter().map(|x| json!(x)).collect();
    print_list(context, &["channel", "address", "secret"], &rows, json)?;
    Ok(Exit::Done)
}

fn period(account: &estate::Account) -> String {
    let inherited = if account.own_period.is_none() { ", as above it" } else { "" };
    format!("{} ({}{inherited})", account.period, account.period.said())
}

fn admin(account: &estate::Account) -> &'static str {
    if account.has_admin { "yes" } else { "none yet" }
}

fn object(accounts: &Accounts, a: &estate::Account) -> serde_json::Value {
    json!({ "id": a.id.0, "parent_id": a.parent.map(|p| p.0), "name": a.name, "path": accounts.path(a.id),
            "depth": a.depth, "sims": a.own, "sims_with_below": a.subtree, "has_admin": a.has_admin,
            "period": a.period.to_string(), "own_period": a.own_period.map(|p| p.to_string()), "caps_and_alerts": a.levels,
            "ceiling_bytes": a.ceiling.map(|c| c.bytes), "own_ceiling_bytes": a.own_ceiling })
}

pub fn users(context: &Context, args: &UsersArgs) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    let account = args.account.as_deref().map(|path| accounts.find(path)).transpose()?;
    let users = local.users(account, &plain())?;
    let row = |u: &estate::User| {
        vec![
            u.email.clone(),
            u.name.clone(),
            u.role.word().into(),
            u.state.word().into(),
            accounts.path(u.account),
        ]
    };
    let rows: Vec<Vec<String>> = users.iter().map(row).collect();
    let json = users
        .iter()
        .map(|u| {
            json!({ "email": u.email, "name": u.name, "role": u.role.word(), "state": u.state.word(),
                         "account": accounts.path(u.account) })
        })
        .collect();
    print_list(context, &["email", "name", "role", "state", "account"], &rows, json)?;
    Ok(Exit::Done)
}

pub fn one(context: &Context, command: One) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    match command {
        One::Add { path, confirm } => {
            let (parent, name) = parent_of(&path)?;
            let parent = accounts.find(&parent)?;
            let what = format!("Add account {path}");
            change::run(context, &local, Change::AddAccount { parent, name }, at_once(confirm), &what)
        }
        One::Rename { path, name, confirm } => {
            let account = accounts.find(&path)?;
            let what = format!("Rename account {} to {name}", accounts.path(account));
            change::run(context, &local, Change::RenameAccount { account, name }, at_once(confirm), &what)
        }
        One::Move { path, under, confirm } => {
            let (account, under) = (accounts.find(&path)?, accounts.find(&under)?);
            let what = format!("Move account {} under {}", accounts.path(account), accounts.path(under));
            change::run(context, &local, Change::MoveAccount { account, under }, confirm, &what)
        }
        One::Delete { path, confirm } => {
            let account = accounts.find(&path)?;
            let what = format!("Delete account {}", accounts.path(account));
            change::run(context, &local, Change::DeleteAccount { account }, confirm, &what)
        }
        One::Show { path } => {
            let account = accounts.need(accounts.find(&path)?)?;
            let rows = vec![
                vec!["path".into(), accounts.path(account.id)],
                vec!["sims".into(), count(account.own)],
                vec!["sims with below".into(), count(account.subtree)],
                vec!["accounts below".into(), count(accounts.subtree(account.id).len() as u64 - 1)],
                vec!["admin".into(), admin(account).into()],
                vec!["billing period".into(), period(account)],
                vec!["ceiling".into(), account.ceiling.map_or("none".into(), |c| accounts.ceiling_said(c))],
                vec!["caps and alerts".into(), if account.levels { "on" } else { "off" }.into()],
            ];
            print_list(context, &["field", "value"], &rows, vec![object(&accounts, account)])?;
            Ok(Exit::Done)
        }
        settings => set(context, &local, &accounts, settings),
    }
}

/// What harms nothing and is undone in a moment does not ask.
fn at_once(confirm: Confirm) -> Confirm {
    Confirm { yes: true, ..confirm }
}

/// What holds in an account and below it.
fn set(context: &Context, local: &estate::Local, accounts: &Accounts, command: One) -> Outcome {
    match command {
        One::Period { path, rule, confirm } => {
            let account = accounts.find(&path)?;
            let rule = if rule == "inherit" { None } else { Some(rule.parse()?) };
            let said = rule.map_or_else(|| "that of the account above".to_owned(), PeriodRule::said);
            let what = format!("Set the billing period of {} to {said}", accounts.path(account));
            change::run(context, local, Change::SetPeriod { account, rule }, at_once(confirm), &what)
        }
        One::Caps { path, switch, confirm } => {
            let (account, on) = (accounts.find(&path)?, switch == super::profile::Switch::On);
            let said = if on { "on" } else { "off" };
            let what = format!("Switch caps and alerts {said} in {}", accounts.path(account));
            change::run(context, local, Change::SetEntitlement { account, on }, at_once(confirm), &what)
        }
        One::Ceiling { path, ceiling, confirm } => {
            let account = accounts.find(&path)?;
            let ceiling = Some(parse_cap(&ceiling)?).filter(|bytes| *bytes > 0);
            let said = ceiling.map_or("none".to_owned(), shown);
            let what = format!("Set the ceiling of {} to {said}", accounts.path(account));
            change::run(context, local, Change::SetCeiling { account, ceiling }, confirm, &what)
        }
        One::Notify { path, add: Some(address), confirm, .. } => {
            let account = accounts.find(&path)?;
            let what = format!("Let {address} hear of {}", accounts.path(account));
            change::run(context, local, Change::AddExternal { account, address }, at_once(confirm), &what)
        }
        One::Notify { path, remove: Some(address), confirm, .. } => {
            let account = accounts.find(&path)?;
            let what = format!("Take {address} off {} and its SIMs", accounts.path(account));
            change::run(context, local, Change::RemoveExternal { account, address }, confirm, &what)
        }
        One::Notify { path, .. } => notified(context, local, accounts.find(&path)?),
        One::Add { .. } | One::Rename { .. } | One::Move { .. } | One::Delete { .. } | One::Show { .. } => {
            unreachable!("these are no settings")
        }
    }
}

/// Takes the last name off a path.
fn parent_of(path: &str) -> Result<(String, String), Failure> {
    let bad = || Error::invalid("path", "must be the new account's whole path: /Your account/…/New name");
    let mut names = split_path(path).ok_or_else(bad)?;
    let name = names.pop().ok_or_else(bad)?;
    if names.is_empty() {
        return Err(bad().into());
    }
    let parent = names.iter().map(|n| format!("/{}", n.replace('\\', "\\\\").replace('/', "\\/"))).collect();
    Ok((parent, name))
}
