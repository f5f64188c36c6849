//! Passwords, second factors and links in the store.

use rusqlite::{OptionalExtension, params};

use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::ids::UserId;
use crate::store::connection::Database;
use crate::token::Secret;
use crate::units::Time;

/// How many codes in a row may be wrong, and how many seconds pass then before another is taken:
/// twice as many each time, but no more than that.
const WRONG: u32 = 5;
const FIRST_WAIT: i64 = 60;
const LONGEST_WAIT: i64 = 3_600;

/// The hash of a user's password, if they have one.
pub(crate) fn password(session: &Database, user: UserId) -> Result<Option<String>> {
    let sql = "SELECT hash FROM password WHERE user_id = ?";
    Ok(session.query_row(sql, [user.0], |r| r.get(0)).optional()?)
}

/// Returns the name of an account; those above it are not for its users to find out.
pub(crate) fn account_name(session: &Database, account: AccountId) -> Result<String> {
    let sql = "SELECT name FROM account WHERE id = ?";
    Ok(session.query_row(sql, [account.0], |r| r.get(0))?)
}

/// Sets it; whoever signed in by another has to do so again, but for the session that `but` is.
pub(crate) fn set_password(
    session: &Database,
    user: UserId,
    hash: &str,
    but: Option<i64>,
    now: Time,
) -> Result<()> {
    let sql = "INSERT INTO password (user_id, hash, changed) VALUES (?1, ?2, ?3) \
        ON CONFLICT (user_id) DO UPDATE SET hash = ?2, changed = ?3";
    session.execute(sql, params![user.0, hash, now.0])?;
    drop_links(session, user)?;
    let sql = "DELETE FROM token WHERE user_id = ? AND person = 1 AND id IS NOT ?";
    session.execute(sql, params![user.0, but])?;
    Ok(())
}

/// A user's second factor.
pub(crate) struct Second {
    pub secret: String,
    /// Whether a code of it was given once.
    pub proved: bool,
    /// How many codes in a row were wrong.
    wrong: u32,
    /// Until when no code is taken.
    wait: Time,
}

impl Second {
    /// Whether a code is taken now, or when.
    pub fn taken_at(&self, now: Time) -> Result<()> {
        let seconds = (self.wait.0 - now.0).max(0).unsigned_abs();
        if seconds == 0 { Ok(()) } else { Err(Error::TooMany { seconds }) }
    }
}

pub(crate) fn factor(session: &Database, user: UserId) -> Result<Option<Second>> {
    let sql = "SELECT secret, proved, wrong, wait FROM totp WHERE user_id = ?";
    let row = |r: &rusqlite::Row<'_>| {
        Ok(Second { secret: r.get(0)?, proved: r.get(1)?, wrong: r.get(2)?, wait: Time(r.get(3)?) })
    };
    Ok(session.query_row(sql, [user.0], row).optional()?)
}

/// Keeps a new one until its first code.
pub(crate) fn set_factor(session: &Database, user: UserId, secret: &str) -> Result<()> {
    let sql = "INSERT INTO totp (user_id, secret) VALUES (?1, ?2) \
        ON CONFLICT (user_id) DO UPDATE SET secret = ?2, proved = 0, step = 0, wrong = 0, wait = 0";
    session.execute(sql, params![user.0, secret])?;
    Ok(())
}

pub(crate) fn drop_factor(session: &Database, user: UserId) -> Result<()> {
    session.execute("DELETE FROM totp WHERE user_id = ?", [user.0])?;
    Ok(())
}

/// Takes the code of a step, once.
pub(crate) fn take_step(session: &Database, user: UserId, step: i64) -> Result<bool> {
    let sql =
        "UPDATE totp SET step = ?1, proved = 1, wrong = 0, wait = 0 WHERE user_id = ?2 AND step < ?1";
    Ok(session.execute(sql, params![step, user.0])? == 1)
}

/// Counts a wrong code: after a few the next one waits, each time longer.
pub(crate) fn wrong_code(session: &Database, user: UserId, second: &Second, now: Time) -> Result<()> {
    let wrong = second.wrong.saturating_add(1);
    let wait = wrong.checked_sub(WRONG).map_or(0, |over| (FIRST_WAIT << over.min(16)).min(LONGEST_WAIT));
    let sql = "UPDATE totp SET wrong = ?, wait = ? WHERE user_id = ?";
    session.execute(sql, params![wrong, now.0 + wait, user.0])?;
    Ok(())
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// To accept an invitation.
    Invitation,
    /// To choose another password.
    Reset,
    /// The same, and the second factor goes.
    ResetAll,
    /// To confirm another address.
    Address,
}

impl For {
    fn word(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
            Self::ResetAll => "reset-all",
            Self::Address => "address",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "invitation" => Self::Invitation,
            "reset-all" => Self::ResetAll,
            "address" => Self::Address,
            _ => Self::Reset,
        }
    }
}

/// A link as the store keeps it.
pub(crate) struct StoredLink {
    pub user: UserId,
    pub purpose: For,
    /// The address it was mailed to; empty for a link that was shown.
    pub mailed_to: String,
}

/// Stores a link for a user; earlier ones are void.
pub(crate) fn add_link(
    session: &Database,
    link: &StoredLink,
    secret: &Secret,
    (now, expires): (Time, Time),
) -> Result<()> {
    let user = link.user.0;
    session.execute("DELETE FROM link WHERE user_id = ? OR expires <= ?", params![user, now.0])?;
    let sql = "INSERT INTO link (user_id, kind, prefix, hash, made, expires, mailed_to) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let (kind, hash) = (link.purpose.word(), secret.hash());
    session.execute(sql, params![user, kind, secret.prefix(), hash, now.0, expires.0, link.mailed_to])?;
    Ok(())
}

/// Voids the links of a user.
pub(crate) fn drop_links(session: &Database, user: UserId) -> Result<()> {
    session.execute("DELETE FROM link WHERE user_id = ?", [user.0])?;
    Ok(())
}

/// Finds a link by its secret. A link that never was, was used or has expired reads the same.
pub(crate) fn find_link(session: &Database, secret: &Secret, now: Time) -> Result<StoredLink> {
    let sql = "SELECT user_id, kind, mailed_to, hash FROM link WHERE prefix = ? AND expires > ?";
    let row = |r: &rusqlite::Row<'_>| {
        let purpose = For::from_word(r.get_ref(1)?.as_str().unwrap_or_default());
        let link = StoredLink { user: UserId(r.get(0)?), purpose, mailed_to: r.get(2)? };
        Ok((link, r.get::<_, Vec<u8>>(3)?))
    };
    let found = session.query_row(sql, params![secret.prefix(), now.0], row).optional()?;
    let found = found.filter(|(_, hash)| secret.proves(hash)).map(|(link, _)| link);
    found.ok_or_else(|| Error::not_found("link", "it was used, has ended, or never was"))
}
