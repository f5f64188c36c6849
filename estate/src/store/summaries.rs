//! The log in words: one sentence for each change, with no more in it than its reader may know.

use serde_json::Value as Json;

use super::edits::edit_of;
use super::levels::levels_of;
use super::period_rollover;
use super::read::View;
use crate::change::{Change, Counts};
use crate::edit::Edit;
use crate::help::Help;
use crate::ids::{AccountId, Rev};
use crate::number::count;
use crate::period::PeriodRule;
use crate::role::Role;
use crate::units::describe_bytes;

/// A change as the log keeps it.
struct LogReader<'a> {
    view: &'a View<'a>,
    body: &'a Json,
}

impl LogReader<'_> {
    fn id(&self, key: &str) -> Option<i64> {
        self.body.get(key).and_then(Json::as_i64)
    }

    fn text(&self, key: &str) -> String {
        self.body.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
    }

    /// Whether the reader sees the account that the body names under that key.
    fn is_visible(&self, key: &str) -> bool {
        self.id(key).is_some_and(|a| self.view.accounts.get(AccountId(a)).is_some())
    }

    fn name(&self, key: &str) -> String {
        self.view.name(self.id(key))
    }

    /// What was done to SIMs.
    fn of_sims(&self, kind: &str, counts: &Counts, undoes: bool) -> Option<String> {
        let sims = if counts.done == 1 { "1 SIM".into() } else { format!("{} SIMs", count(counts.done)) };
        Some(match kind {
            Change::MOVE if self.id("to").is_some() => format!("moved {sims} to {}", self.name("to")),
            Change::MOVE => format!("moved {sims} back"),
            Change::CONVERT if self.is_visible("account") => {
                let made = self.body["made"].as_array().map_or(0, Vec::len) as u64;
                let what = if self.text("by") == "tag" { "tags" } else { "categories" };
                let accounts =
                    if made == 1 { "1 account".to_owned() } else { format!("{} accounts", count(made)) };
                format!("made {accounts} of the {what} of {}, moved {sims} there", self.name("account"))
            }
            Change::CONVERT => format!("moved {sims}"),
            Change::LEVELS => match levels_of(self.body) {
                Ok(levels) if !undoes => format!("set {} of {sims}", levels.describe()),
                _ => format!("put caps and alerts of {sims} back"),
            },
            kind if Edit::is_kind(kind) => self.of_edit(&sims, undoes),
            Change::PERIOD_ROLLOVER | Change::PERIOD_REOPEN => {
                period_rollover::summary(kind, self.body, self.view.whole, counts.done)
            }
            Change::CAP_RETURN => format!("returned the raised cap of {sims}"),
            Change::CAP_RAISE_AGAIN => format!("raised the cap of {sims} again"),
            "import" => format!("imported {sims}"),
            "usage" => format!("imported usage of {sims}"),
            "remove-external" if self.is_visible("account") => {
                format!(
                    "{} no longer hears of {}; taken off {sims}",
                    self.text("address"),
                    self.name("account")
                )
            }
            Change::CEILING if self.is_visible("account") => {
                let name = self.name("account");
                let what = self.body["to"].as_u64().map_or_else(
                    || format!("took the ceiling off {name}"),
                    |to| format!("set the ceiling of {name} to {}", describe_bytes(to)),
                );
                if counts.done == 0 { what } else { format!("{what}; caps of {sims} changed") }
            }
            _ => return None,
        })
    }

    fn of_edit(&self, sims: &str, undoes: bool) -> String {
        let Ok(edit) = edit_of(self.body) else { return format!("edited {sims}") };
        let rest = Edit { verb: None, ..edit.clone() }.describe();
        match edit.verb {
            _ if undoes => format!("put {sims} back as before: {}", edit.describe()),
            None => format!("set {} of {sims}", edit.describe()),
            Some(verb) if rest.is_empty() => format!("{} {sims}", verb.past()),
            Some(verb) => format!("{} {sims}, {rest}", verb.past()),
        }
    }

    /// What was done to the accounts themselves.
    fn of_accounts(&self, kind: &str) -> String {
        let whole = self.view.whole;
        match kind {
            "add-external" | "remove-external" if !self.is_visible("account") => {
                "changed who is notified".to_owned()
            }
            "add-external" => format!("lets {} hear of {}", self.text("address"), self.name("account")),
            "entitlement" | Change::CEILING if !self.is_visible("account") => {
                "changed an account".to_owned()
            }
            "entitlement" => {
                let on = if self.body["on"] == Json::Bool(true) { "on" } else { "off" };
                format!("switched caps and alerts {on} in {}", self.name("account"))
            }
            "period" if !self.is_visible("account") => "changed an account's billing period".to_owned(),
            "period" => {
                let rule = serde_json::from_value::<PeriodRule>(self.body["to"].clone()).ok();
                let rule =
                    rule.map_or_else(|| "that of the account above".to_owned(), PeriodRule::describe);
                format!("set the billing period of {} to {rule}", self.name("account"))
            }
            "add-account" if self.is_visible("account") || self.is_visible("parent") => {
                format!("added account {} under {}", self.text("name"), self.name("parent"))
            }
            "add-account" => "added an account".to_owned(),
            "rename-account" if !whole && !self.is_visible("account") => "renamed an account".to_owned(),
            "rename-account" => format!("renamed account {} to {}", self.text("from"), self.text("to")),
            Change::MOVE_ACCOUNT if self.is_visible("account") || self.is_visible("under") => {
                format!("moved account {} under {}", self.text("name"), self.name("under"))
            }
            Change::MOVE_ACCOUNT => "moved an account".to_owned(),
            "delete-account" if !self.is_visible("parent") => "deleted an account".to_owned(),
            "delete-account" => {
                format!("deleted account {} under {}", self.text("name"), self.name("parent"))
            }
            "reference" | "help" if !self.is_visible("account") => "changed an account".to_owned(),
            "reference" => match self.text("to") {
                none if none.is_empty() => format!("took the reference off {}", self.name("account")),
                to => format!("set the reference of {} to {to}", self.name("account")),
            },
            "help" => match serde_json::from_value::<Help>(self.body["to"].clone()) {
                Ok(help) => format!("set the help below {} to {}", self.name("account"), help.describe()),
                Err(_) => format!("left the help below {} to the account above", self.name("account")),
            },
            kind => self.of_users(kind),
        }
    }

    /// A token by its name and how it begins.
    fn token(&self) -> String {
        let name = self.body["name"].as_str().unwrap_or_default();
        format!("the API token {name} ({}…)", self.text("prefix"))
    }

    /// What was done to users.
    fn of_users(&self, kind: &str) -> String {
        let (email, name) = (self.text("email"), self.name("account"));
        match kind {
            "add-user" | "invite-user" | "user-role" | "disable-user" | "enable-user" | "remove-user"
            | "accept" | "profile" | "view-as" | "add-token" | "revoke-token" | "link-user"
            | "password" | "second-factor" | "no-second-factor" | "end-session"
                if !self.is_visible("account") =>
            {
                "changed a user".to_owned()
            }
            "add-user" => {
                let role =
                    Role::from_word(&self.text("role")).map_or_else(String::new, |r| format!(" as {r}"));
                format!("invited {email} to {name}{role}")
            }
            "invite-user" => format!("invited {email} to {name} again"),
            "user-role" => {
                let role =
                    |key| Role::from_word(&self.text(key)).map(|r| r.to_string()).unwrap_or_default();
                format!("made {email} of {name} {} instead of {}", role("to"), role("from"))
            }
            "disable-user" => format!("keeps {email} of {name} from signing in"),
            "enable-user" => format!("lets {email} of {name} sign in again"),
            "remove-user" => format!("removed {email} from {name}"),
            "accept" => format!("accepted the invitation to {name}"),
            "profile" => "changed their own profile".to_owned(),
            "view-as" => format!("looked at the estate as {email} of {name}"),
            "add-token" => {
                let does = if self.body["writes"] == true { "read and write" } else { "read" };
                let token = self.token();
                format!("made {token} for {email}: it may {does} {} and below", self.name("for"))
            }
            "revoke-token" => format!("revoked {} of {email}", self.token()),
            "link-user" => format!("made a link for {email} of {name} to sign in by"),
            "password" => "chose another password".to_owned(),
            "second-factor" => "signs in with a second factor from now on".to_owned(),
            "no-second-factor" => "took their second factor away".to_owned(),
            "end-session" => {
                let reason = match self.text("reason") {
                    none if none.is_empty() => none,
                    reason => format!(": {reason}"),
                };
                let many = self.body["sessions"].as_u64().filter(|many| *many > 1);
                let sessions =
                    many.map_or_else(|| "a session".to_owned(), |many| format!("{many} sessions"));
                format!("ended {sessions} of {email} of {name}{reason}")
            }
            Change::ACCEPT_CLOCK => "accepted the clock for billing periods".to_owned(),
            "init" => "made the estate".to_owned(),
            other => other.to_owned(),
        }
    }
}

impl View<'_> {
    /// A logged change as a sentence.
    pub fn summary(&self, kind: &str, body: &Json, counts: &Counts, undoes: Option<Rev>) -> String {
        let told = LogReader { view: self, body };
        if !self.whole && counts.done == 0 && (kind == Change::LEVELS || Edit::is_kind(kind)) {
            // Nothing became of this user's SIMs: what was meant for others is none of their
            // business.
            return format!("{kind}: none of your SIMs changed");
        }
        let said = told.of_sims(kind, counts, undoes.is_some()).unwrap_or_else(|| told.of_accounts(kind));
        match undoes {
            Some(rev) => format!("{said} (undo of #{rev})"),
            None => said,
        }
    }
}
