//! API tokens: what programs sign in with instead of a person.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

#[cfg(doc)]
use crate::AccountChoice;
use crate::error::{Error, Result};
use crate::ids::{AccountId, TokenId, UserId};
use crate::limits;
use crate::units::Time;

/// A token as it can be looked at: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The identifier.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// What its user calls it.
    pub name: String,
    /// How it begins: enough to know it again, too little to use it.
    pub prefix: String,
    /// The account it is good for, with everything below it.
    pub account: AccountId,
    /// Whether changes can be made with it.
    pub writes: bool,
    /// Whether a person signed in by it: what is their own, they may do.
    #[serde(default)]
    pub person: bool,
    /// When it was made.
    pub created: Time,
    /// When it ends; `None` is never.
    pub expires: Option<Time>,
    /// When it was last used, within the hour.
    pub used: Option<Time>,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// What to call it.
    pub name: String,
    /// The account it is to be good for; everything its user sees without one.
    pub account: Option<AccountId>,
    /// Whether changes can be made with it.
    pub writes: bool,
    /// When it ends; `None` is never.
    pub expires: Option<Time>,
}

/// What somebody signs in with over a network.
#[derive(Clone, Default)]
pub struct SignIn {
    /// Their mail address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// The code their authenticator shows, where they have a second factor.
    pub code: Option<String>,
    /// The account of the user, where the address is a user of several: see
    /// [`AccountChoice::is_named`].
    pub account: Option<String>,
    /// The client that signs in.
    pub client: ClientInfo,
}

impl SignIn {
    /// Refuses an address that is longer than any user's.
    pub fn check(&self) -> Result<()> {
        if self.email.len() > limits::EMAIL {
            return Err(Error::invalid("email", format!("has more than {} octets", limits::EMAIL)));
        }
        Ok(())
    }
}

/// The client of a session, as a server sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// Its network address.
    pub address: String,
    /// The program, as it names itself.
    pub program: String,
}

/// Length that the name of a program is cut at, in characters.
const PROGRAM_LENGTH: usize = 100;

impl ClientInfo {
    /// Makes one of an address and of what a program says of itself: text from outside.
    pub fn new(address: impl fmt::Display, program: &str) -> Self {
        let program = crate::text::clean(program).chars().take(PROGRAM_LENGTH).collect();
        Self { address: address.to_string(), program }
    }
}

/// A session of a user who signed in over a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInSession {
    /// The identifier.
    pub id: TokenId,
    /// The user.
    pub user: UserId,
    /// The client as of the last sign-in or renewal.
    pub client: ClientInfo,
    /// Time of the sign-in.
    pub created: Time,
    /// Time of the last use, within the hour.
    pub used: Option<Time>,
    /// End of its validity, unless it is renewed before.
    pub expires: Time,
    /// True for the session that lists them.
    pub is_current: bool,
}

/// What somebody chooses who was let in by a link.
#[derive(Clone, Default)]
pub struct Chosen {
    /// Their password.
    pub password: String,
    /// Their name, if it is another than whoever invited them wrote.
    pub name: Option<String>,
    /// The code their authenticator shows, where they have a second factor that stays.
    pub code: Option<String>,
    /// The client that signs in.
    pub client: ClientInfo,
}

/// Whether somebody has a password and a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInMethods {
    /// A password.
    pub password: bool,
    /// A second factor that has been proved.
    pub factor: bool,
}

/// A second factor to be: what an authenticator is set up by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpEnrolment {
    /// To be typed in (base 32).
    pub secret: String,
    /// To be read as a code: `otpauth://totp/…`.
    pub url: String,
}

/// A link that lets somebody in once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The secret at its end, for the inviter to hand over; `None` where the link was mailed: then
    /// only whoever reads that mailbox has it.
    pub secret: Option<Secret>,
    /// The address it was mailed to, if it was.
    pub mailed_to: Option<String>,
    /// End of its validity.
    pub expires: Time,
}

impl Link {
    /// Returns the address of the link at a server, if it is to be handed over.
    pub fn url(&self, base: &str) -> Option<String> {
        self.secret.as_ref().map(|secret| secret.link(base))
    }
}

/// The purpose of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkPurpose {
    /// Accepts an invitation.
    Invitation,
    /// Chooses another password.
    Password,
    /// Confirms another address, by the password there is.
    Address,
}

/// The user that a link lets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Their name, as whoever invited them wrote it.
    pub name: String,
    /// Their mail address; for a link that confirms another one, that.
    pub email: String,
    /// The purpose of the link.
    pub purpose: LinkPurpose,
}

/// A sign-in by password, with the users of the address who were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInAttempt {
    /// The session, or the reason that there is none.
    pub outcome: Result<Signed>,
    /// The user who signed in.
    pub user: Option<UserId>,
    /// The users whose password or code it was not, also where it was that of another user of the
    /// address.
    pub failed: Vec<UserId>,
    /// True if the password was tried on several users: which one was meant is not known.
    pub is_shared: bool,
}

/// What somebody who signed in over a network goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What their requests come with.
    pub token: Secret,
    /// Until when that is good.
    pub expires: Time,
    /// What renews it, once.
    pub renew: Secret,
    /// Until when it can be renewed.
    pub renew_until: Time,
}

/// What a token begins with, so that whoever finds one knows what it opens.
const BRAND: &str = "simdeck_";
/// How much of a token is kept to find it by.
const PREFIX: usize = BRAND.len() + 8;
/// Two random UUIDs without their dashes: 244 random bits.
const LENGTH: usize = BRAND.len() + 64;

/// The whole of a token: shown once, kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes one that nobody can guess.
    pub(crate) fn make() -> Self {
        Self(format!("{BRAND}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }

    /// Takes what somebody signs in with; `None` where no token can look like that.
    pub fn read(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(BRAND)?;
        let plain = text.len() == LENGTH && hex.bytes().all(|b| b.is_ascii_hexdigit());
        plain.then(|| Self(text.to_owned()))
    }

    /// The token itself, to be handed over.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The address of a link that ends with this secret, at a server.
    pub(crate) fn link(&self, base: &str) -> String {
        format!("{}/accept/{}", base.trim_end_matches('/'), self.0)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.0[..PREFIX]
    }

    /// The token is random enough that a plain hash proves it and cannot be turned back.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Whether a hash is this token's; how long that takes tells nothing.
    pub(crate) fn proves(&self, hash: &[u8]) -> bool {
        let own = self.hash();
        own.len() == hash.len() && own.iter().zip(hash).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_proved_by_its_hash_and_never_printed() {
        let (one, other) = (Secret::make(), Secret::make());
        assert_eq!(Secret::read(one.reveal()), Some(one.clone()));
        assert!(one.proves(&one.hash()) && !one.proves(&other.hash()) && !one.proves(b""));
        assert_eq!(format!("{one:?}").len(), PREFIX + "…".len());
        for bad in ["", "simdeck_", "ä", &one.reveal()[1..], &format!("{}0", one.reveal())] {
            assert_eq!(Secret::read(bad), None, "{bad}");
        }
        assert_eq!(Secret::read(&one.reveal().replace(|c: char| c.is_ascii_digit(), "g")), None);
    }
}
