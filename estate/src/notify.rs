//! Who hears of a level that was reached, and what becomes of the messages.

use std::net::IpAddr;

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
pub struct ExternalRecipient {
    /// How.
    pub channel: Channel,
    /// The mail address, or the webhook's URL.
    pub address: String,
    /// What a webhook's messages are signed with; empty for mail, and for those who may not manage
    /// recipients.
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

/// Checks the address of a webhook that is added: `https`, and no private, loopback or link-local
/// address, unless the configuration allows those. A name is resolved, and checked the same way,
/// whenever a message is sent.
pub(crate) fn check_webhook(url: &str, allow_private: bool) -> Result<()> {
    if allow_private || !url.contains("://") {
        return Ok(());
    }
    let Some(why) = refuse_host(url) else { return Ok(()) };
    Err(Error::invalid("address", format!("{why}; [webhook] allow_private = true allows it")))
}

/// Domains that are not public: RFC 6761, RFC 6762, and those that networks use inside (ICANN
/// reserved `internal`).
const PRIVATE_NAMES: [&str; 4] = ["localhost", "local", "internal", "localdomain"];

/// Returns the reason why a webhook may not have this URL, if there is one.
///
/// The host is read by the WHATWG URL Standard: full-width digits and numbers such as `2130706433`
/// are addresses there. A spelling that programs read differently is refused.
fn refuse_host(url: &str) -> Option<&'static str> {
    const SPELLING: &str = "must name a host, or an address in the usual spelling";
    const PRIVATE: &str = "is an address of this machine or of a private network";
    let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    if authority.is_none_or(|host| host.contains(['\\', '%'])) {
        return Some(SPELLING);
    }
    let Ok(parsed) = url::Url::parse(url) else { return Some(SPELLING) };
    if parsed.scheme() != "https" {
        return Some("must be an https:// URL: messages would cross the network unencrypted");
    }
    match parsed.host() {
        None => Some(SPELLING),
        Some(url::Host::Ipv6(address)) => is_private(address.into()).then_some(PRIVATE),
        Some(url::Host::Ipv4(address)) if is_private(address.into()) => Some(PRIVATE),
        // Resolvers read these as IPv4 addresses in another spelling: 0x7f000001, 127.1.
        Some(url::Host::Ipv4(address)) => {
            let is_usual = authority.is_some_and(|given| given.starts_with(&address.to_string()));
            (!is_usual).then_some(SPELLING)
        }
        Some(url::Host::Domain(name)) => {
            let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
            let is_private = labels.last().is_none_or(|last| PRIVATE_NAMES.contains(last));
            (is_private || labels.len() < 2).then_some(PRIVATE)
        }
    }
}

/// Returns true for an address outside the public internet (IANA special-purpose registries), or
/// one that could stand for such an address.
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let reserved = a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0);
            let test = a == 198 && (b == 18 || b == 19);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || reserved || test
        }
        // Only global unicast, and none that carries an IPv4 address (6to4, Teredo).
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            first & 0xe000 != 0x2000 || first == 0x2002 || (first == 0x2001 && second == 0)
        }
    }
}

/// One level that was reached, as a message tells it: with the account's own name only, because the
/// recipient may not know what lies above it.
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
pub struct OutboxMessage {
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
