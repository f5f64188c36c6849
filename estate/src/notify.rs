//! Who hears of a level that was reached, and what becomes of the messages.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units::Time;
use crate::usage::Level;
use crate::{ident, text};

/// How a message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// As mail.
    Mail,
    /// As a signed HTTP request.
    Webhook,
}

impl Channel {
    pub(crate) fn from_code(code: i64) -> Self {
        if code == 1 { Self::Webhook } else { Self::Mail }
    }

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// Someone who is no user and hears of an account's SIMs and of those below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// How.
    pub channel: Channel,
    /// The mail address, or the webhook's URL.
    pub address: String,
    /// What a webhook's messages are signed with; empty for mail, and for those who may not manage recipients.
    pub secret: String,
}

/// Reads what an external address is: a URL is a webhook, all else a mail address.
pub fn channel_of(address: &str) -> Result<(Channel, String)> {
    let address = address.trim();
    if !address.contains("://") {
        return Ok((Channel::Mail, ident::email(address)?));
    }
    let scheme = address.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let authority = address.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    // A password in an address would be shown wherever the address is.
    let sound = matches!(scheme.as_str(), "http" | "https")
        && authority.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && address.len() <= 2_000
        && text::clean(address) == address
        && !address.contains(char::is_whitespace);
    if sound {
        Ok((Channel::Webhook, address.to_owned()))
    } else {
        Err(Error::invalid(
            "address",
            "must be a mail address, or the https:// URL of a webhook, without a password in it",
        ))
    }
}

/// One level that was reached, as a message tells it: with the account's own name only, because the recipient may not
/// know what lies above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The event's number.
    pub id: i64,
    /// When it was noticed.
    pub at: Time,
    /// Which level.
    pub kind: Level,
    /// The SIM.
    pub iccid: String,
    /// Its label.
    pub label: String,
    /// The account it was in.
    pub account: String,
    /// The level.
    pub level: u64,
    /// The usage that reached it.
    pub used: u64,
    /// The start of the billing period.
    pub period: Time,
}

/// A message that is due, leased to whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number in the outbox.
    pub id: i64,
    /// How it goes out.
    pub channel: Channel,
    /// Where to.
    pub to: String,
    /// What it is signed with.
    pub secret: String,
    /// What tells it from every other message; the same at every attempt.
    pub message_id: String,
    /// When it was written.
    pub created: Time,
    /// Attempts so far.
    pub tries: u32,
    /// What it is about, where it tells of something else than levels.
    pub subject: String,
    /// What it says then.
    pub body: String,
    /// Alerts it tells of.
    pub alerts: u64,
    /// Caps it tells of.
    pub caps: u64,
    /// The first of them.
    pub told: Vec<Told>,
}

/// How an attempt to send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It went out.
    Sent,
    /// It did not, and may later.
    Again(String),
    /// It never will.
    Never(String),
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// How it goes out.
    pub channel: Channel,
    /// Where to.
    pub to: String,
    /// When it was written.
    pub created: Time,
    /// What has become of it: `waiting`, `sent` or `given-up`.
    pub state: String,
    /// Levels it tells of.
    pub events: u64,
    /// Attempts so far.
    pub tries: u32,
    /// When it is tried next, if it waits.
    pub due: Option<Time>,
    /// Why the last attempt failed.
    pub error: String,
}
