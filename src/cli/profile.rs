//! `simdeck profile`: what is your own to say.

use clap::ValueEnum;
use estate::{Change, Error, Estate};
use serde_json::json;

use super::change::{self, Confirm, at_once};
use super::output::{list as print_list, plain};
use super::{Context, Outcome, login};
use crate::failure::Exit;

/// Show who you are, or say whether you want mail about the SIMs you see.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whether alerts and caps that are reached come to you as mail, beside the screen.
    #[arg(long, value_name = "ON|OFF")]
    alerts: Option<Switch>,
    /// Your full name from now on.
    #[arg(long)]
    name: Option<String>,
    /// Your mail address from now on: you sign in by it.
    #[arg(long)]
    email: Option<String>,
    /// Choose a password: what you sign in with at a server. Where nobody types, they are lines of
    /// standard input: at a server the one there is, then the new one.
    #[arg(long)]
    password: bool,
    /// Whether an authenticator's code is asked for beside the password.
    #[arg(long, value_name = "ON|OFF")]
    second_factor: Option<Switch>,
}

impl Args {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        self.password
            || [&self.name, &self.email].into_iter().any(Option::is_some)
            || [self.alerts, self.second_factor].into_iter().any(|switch| switch.is_some())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    if let Some(switch) = args.alerts {
        local.want_mail(switch == Switch::On)?;
        if switch == Switch::On && context.config.mail.is_none() {
            context.say(
                "no mail server is configured here ([mail] in the configuration): nothing is sent yet",
            );
        }
    }
    if args.password {
        return login::choose(context, local.as_ref());
    }
    if let Some(switch) = args.second_factor {
        return login::factor(context, local.as_ref(), switch == Switch::On);
    }
    if args.name.is_some() || args.email.is_some() {
        return edit(context, local.as_ref(), args);
    }
    print_profile(context, local.as_ref())
}

/// Changes the name or the address.
fn edit(context: &Context, local: &dyn Estate, args: &Args) -> Outcome {
    let me = local.me();
    let name = args.name.clone().unwrap_or_else(|| me.name.clone());
    let email = args.email.clone().unwrap_or_else(|| me.email.clone());
    let change = Change::EditProfile { name, email };
    let done = change::run(context, local, change, at_once(Confirm::default()), "Change your profile")?;
    if let Some(email) = &args.email {
        let how = match local.local() {
            _ if local.mails_links() => format!("confirm it by the link that was mailed to {email}"),
            Some(_) => format!("sign in once as {email}"),
            None => {
                "come in once by a link an Admin of your account makes (simdeck user link)".to_owned()
            }
        };
        context.say(format!("{how}: until then the old address stays"));
    }
    Ok(done)
}

fn print_profile(context: &Context, local: &dyn Estate) -> Outcome {
    let (me, wants) = (local.me(), local.wants_mail(&plain())?);
    let account = local.accounts(&plain())?.path(me.account);
    let alerts = if wants { "mail" } else { "screen only" };
    // What a person signs in with is none of a program's business.
    let signing = match local.signing(&plain()) {
        Err(Error::NotByToken) => None,
        other => Some(other?),
    };
    let (password, factor) = signing.map_or(("-", "-"), |signing| {
        (if signing.password { "chosen" } else { "none" }, if signing.factor { "on" } else { "off" })
    });
    let rows: Vec<Vec<String>> = [
        ("name", me.name.as_str()),
        ("email", &me.email),
        ("role", me.role.word()),
        ("account", &account),
        ("alerts", alerts),
        ("password", password),
        ("second factor", factor),
    ]
    .map(|(field, value)| vec![field.to_owned(), value.to_owned()])
    .to_vec();
    let object = json!({ "name": me.name, "email": me.email, "role": me.role.word(), "account": account,
                         "mail_about_alerts": wants, "password": signing.map(|s| s.password), "second_factor": signing.map(|s| s.factor) });
    print_list(context, &["field", "value"], &rows, vec![object])?;
    Ok(Exit::Done)
}
