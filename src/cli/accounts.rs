//! `simdeck accounts` and `account …`.

use std::path::{Path, PathBuf};

use estate::levels::{describe_bytes, parse_cap};
use estate::number::count;
use estate::{
    Accounts, Change, Contact, Error, Estate, Grouping, Help, PeriodRule, Query, Target, Time, split_path,
};
use serde_json::json;

use super::change::{self, Confirm, at_once};
use super::output::{list as print_list, plain};
use super::report::ReportOptions;
use super::{Context, Outcome};
use super::{help, select};
use crate::failure::{Exit, Failure};
use crate::files::{STREAM, path_parser};

/// List the accounts you see, with their SIM counts.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Indent names instead of printing paths.
    #[arg(long)]
    tree: bool,
}

/// What the users of the accounts below an account see.
#[derive(Debug, clap::Args)]
pub struct HelpPage {
    /// The account: those below it see the page, its own users see that of the account above.
    path: String,
    /// A Markdown file with the text of the page; - is standard input.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    file: Option<PathBuf>,
    /// The title of the page.
    #[arg(long, value_name = "TEXT", default_value = "Help and Support")]
    title: String,
    /// Show whom to contact instead of a page: their name.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    contact: Option<String>,
    /// The contact's telephone number.
    #[arg(long, requires = "contact", default_value = "", hide_default_value = true)]
    phone: String,
    /// The contact's mail address.
    #[arg(long, requires = "contact", default_value = "", hide_default_value = true)]
    email: String,
    /// When the contact answers.
    #[arg(long, requires = "contact", default_value = "", hide_default_value = true)]
    hours: String,
    /// Where there is more.
    #[arg(long, requires = "contact", default_value = "", hide_default_value = true)]
    url: String,
    /// Leave it to the account above.
    #[arg(long, conflicts_with_all = ["file", "contact"])]
    none: bool,
    #[command(flatten)]
    confirm: Confirm,
}

/// The names that are turned into accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Categories.
    Category,
    /// Tags.
    Tag,
}

/// What `account help-page` is to do.
enum Wanted {
    /// Show what is set.
    Show,
    /// Set it, or leave it to the account above.
    Set(Option<Help>),
}

impl HelpPage {
    /// What is to be done.
    fn wanted_account(&self) -> Result<Wanted, Failure> {
        if let Some(name) = &self.contact {
            let (name, phone, email) = (name.clone(), self.phone.clone(), self.email.clone());
            let contact =
                Contact { name, phone, email, hours: self.hours.clone(), url: self.url.clone() };
            return Ok(Wanted::Set(Some(Help::Contact(contact))));
        }
        let Some(file) = &self.file else {
            return Ok(if self.none { Wanted::Set(None) } else { Wanted::Show });
        };
        let read = if file == Path::new(STREAM) {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(file)
        };
        let text = read.map_err(|e| Failure::io(format!("cannot read {}", file.display()), e))?;
        Ok(Wanted::Set(Some(Help::Page { title: self.title.clone(), text })))
    }
}

/// What can be done to one account.
#[derive(Debug, clap::Subcommand)]
pub enum AccountCommand {
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
    /// Say what another system calls an account.
    Reference {
        /// The account.
        path: String,
        /// The reference, or none.
        reference: String,
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Show or set what the users of the accounts below see as Help and Support: a page, or whom to
    /// contact.
    HelpPage(HelpPage),
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
    /// Turn each category (or tag) of an account's own SIMs into an account below it, and move the
    /// SIMs there.
    Convert {
        /// The account.
        path: String,
        /// By which names.
        #[arg(long, default_value = "category")]
        by: By,
        /// Only the SIMs that fit a filter: 'category=North'.
        #[arg(long, value_name = "FILTER")]
        only: Option<String>,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        report: ReportOptions,
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

impl AccountCommand {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        match self {
            Self::Show { .. } => false,
            Self::HelpPage(page) => page.none || page.contact.is_some() || page.file.is_some(),
            Self::Notify { add, remove, .. } => add.is_some() || remove.is_some(),
            _ => true,
        }
    }
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
fn print_notified(context: &Context, local: &dyn Estate, account: estate::AccountId) -> Outcome {
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
    format!("{} ({}{inherited})", account.period, account.period.describe())
}

fn admin(account: &estate::Account) -> &'static str {
    if account.has_admin { "yes" } else { "none yet" }
}

fn object(accounts: &Accounts, a: &estate::Account) -> serde_json::Value {
    json!({ "id": a.id.0, "parent_id": a.parent.map(|p| p.0), "name": a.name, "path": accounts.path(a.id),
            "reference": a.reference, "depth": a.depth, "users": a.users, "sets_help": a.helps, "sims": a.own, "sims_with_below": a.subtree, "has_admin": a.has_admin,
            "period": a.period.to_string(), "own_period": a.own_period.map(|p| p.to_string()), "caps_and_alerts": a.levels,
            "ceiling_bytes": a.ceiling.map(|c| c.bytes), "own_ceiling_bytes": a.own_ceiling })
}

pub fn one(context: &Context, command: AccountCommand) -> Outcome {
    let local = context.open()?;
    let local = local.as_ref();
    let accounts = local.accounts(&plain())?;
    match command {
        AccountCommand::Add { path, confirm } => {
            let (parent, name) = parent_of(&path)?;
            let parent = accounts.find(&parent)?;
            let what = format!("Add account {path}");
            change::run(context, local, Change::AddAccount { parent, name }, at_once(confirm), &what)
        }
        AccountCommand::Rename { path, name, confirm } => {
            let account = accounts.find(&path)?;
            let what = format!("Rename account {} to {name}", accounts.path(account));
            change::run(context, local, Change::RenameAccount { account, name }, at_once(confirm), &what)
        }
        AccountCommand::Move { path, under, confirm } => {
            let (account, under) = (accounts.find(&path)?, accounts.find(&under)?);
            let what = format!("Move account {} under {}", accounts.path(account), accounts.path(under));
            change::run(context, local, Change::MoveAccount { account, under }, confirm, &what)
        }
        AccountCommand::Delete { path, confirm } => {
            let account = accounts.find(&path)?;
            let what = format!("Delete account {}", accounts.path(account));
            change::run(context, local, Change::DeleteAccount { account }, confirm, &what)
        }
        AccountCommand::Convert { path, by, only, confirm, report } => {
            let account = accounts.find(&path)?;
            let by = if by == By::Tag { Grouping::Tag } else { Grouping::Category };
            let named = select::parse(&format!("has:{}", by.field()))?;
            let only = only.map(|text| select::parse(&text)).transpose()?.unwrap_or_default();
            let filter = named.and(only);
            let query = Query { filter, deep: false, ..Query::all(account, Time::now()) };
            let change = Change::Convert { target: Target::query(query), account, by };
            let what = format!("Turn {} of {} into accounts", by.plural(), accounts.path(account));
            change::run_with_report(context, local, change, confirm, report.open(context, None)?, &what)
        }
        AccountCommand::Show { path } => {
            let account = accounts.need(accounts.find(&path)?)?;
            let rows = vec![
                vec!["path".into(), accounts.path(account.id)],
                vec!["sims".into(), count(account.own)],
                vec!["sims with below".into(), count(account.subtree)],
                vec!["accounts below".into(), count(accounts.subtree(account.id).len() as u64 - 1)],
                vec!["reference".into(), account.reference.clone()],
                vec!["users".into(), count(account.users)],
                vec!["admin".into(), admin(account).into()],
                vec!["sets help below".into(), if account.helps { "yes" } else { "no" }.into()],
                vec!["billing period".into(), period(account)],
                vec![
                    "ceiling".into(),
                    account.ceiling.map_or("none".into(), |c| accounts.ceiling_said(c)),
                ],
                vec!["caps and alerts".into(), if account.levels { "on" } else { "off" }.into()],
            ];
            print_list(context, &["field", "value"], &rows, vec![object(&accounts, account)])?;
            Ok(Exit::Done)
        }
        settings => set(context, local, &accounts, settings),
    }
}

/// What holds in an account and below it.
fn set(context: &Context, local: &dyn Estate, accounts: &Accounts, command: AccountCommand) -> Outcome {
    match command {
        AccountCommand::Period { path, rule, confirm } => {
            let account = accounts.find(&path)?;
            let rule = if rule == "inherit" { None } else { Some(rule.parse()?) };
            let said = rule.map_or_else(|| "that of the account above".to_owned(), PeriodRule::describe);
            let what = format!("Set the billing period of {} to {said}", accounts.path(account));
            change::run(context, local, Change::SetPeriod { account, rule }, at_once(confirm), &what)
        }
        AccountCommand::Caps { path, switch, confirm } => {
            let (account, on) = (accounts.find(&path)?, switch == super::profile::Switch::On);
            let said = if on { "on" } else { "off" };
            let what = format!("Switch caps and alerts {said} in {}", accounts.path(account));
            change::run(context, local, Change::SetEntitlement { account, on }, at_once(confirm), &what)
        }
        AccountCommand::Ceiling { path, ceiling, confirm } => {
            let account = accounts.find(&path)?;
            let ceiling = Some(parse_cap(&ceiling)?).filter(|bytes| *bytes > 0);
            let said = ceiling.map_or("none".to_owned(), describe_bytes);
            let what = format!("Set the ceiling of {} to {said}", accounts.path(account));
            change::run(context, local, Change::SetCeiling { account, ceiling }, confirm, &what)
        }
        AccountCommand::Reference { path, reference, confirm } => {
            let account = accounts.find(&path)?;
            let reference =
                if reference.eq_ignore_ascii_case("none") { String::new() } else { reference };
            let what = format!("Set the reference of {} to {reference}", accounts.path(account));
            change::run(
                context,
                local,
                Change::SetReference { account, reference },
                at_once(confirm),
                &what,
            )
        }
        AccountCommand::HelpPage(wanted) => set_help(context, local, accounts, &wanted),
        AccountCommand::Notify { path, add: Some(address), confirm, .. } => {
            let account = accounts.find(&path)?;
            let what = format!("Let {address} hear of {}", accounts.path(account));
            change::run(context, local, Change::AddExternal { account, address }, at_once(confirm), &what)
        }
        AccountCommand::Notify { path, remove: Some(address), confirm, .. } => {
            let account = accounts.find(&path)?;
            let what = format!("Take {address} off {} and its SIMs", accounts.path(account));
            change::run(context, local, Change::RemoveExternal { account, address }, confirm, &what)
        }
        AccountCommand::Notify { path, .. } => print_notified(context, local, accounts.find(&path)?),
        AccountCommand::Add { .. }
        | AccountCommand::Rename { .. }
        | AccountCommand::Move { .. }
        | AccountCommand::Convert { .. }
        | AccountCommand::Delete { .. }
        | AccountCommand::Show { .. } => {
            unreachable!("these are no settings")
        }
    }
}

/// Sets the help of the users below an account, or prints it.
fn set_help(context: &Context, local: &dyn Estate, accounts: &Accounts, wanted: &HelpPage) -> Outcome {
    let account = accounts.find(&wanted.path)?;
    let Wanted::Set(help) = wanted.wanted_account()? else {
        return help::print_of(context, local, account);
    };
    let said = help.as_ref().map_or_else(|| "that of the account above".to_owned(), Help::describe);
    let what = format!("Set the help below {} to {said}", accounts.path(account));
    let help = help.map(Box::new);
    change::run(context, local, Change::SetHelp { account, help }, at_once(wanted.confirm), &what)
}

/// Takes the last name off a path.
fn parent_of(path: &str) -> Result<(String, String), Failure> {
    let bad = || Error::invalid("path", "must be the new account's whole path: /Your account/…/New name");
    let mut names = split_path(path).ok_or_else(bad)?;
    let name = names.pop().ok_or_else(bad)?;
    if names.is_empty() {
        return Err(bad().into());
    }
    let parent =
        names.iter().map(|n| format!("/{}", n.replace('\\', "\\\\").replace('/', "\\/"))).collect();
    Ok((parent, name))
}
