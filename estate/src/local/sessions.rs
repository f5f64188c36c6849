//! Sessions of users who signed in over a network: listed, and ended.

use serde_json::json;

use super::Local;
use crate::error::{Error, Result};
use crate::ids::{TokenId, UserId};
use crate::local::record::append;
use crate::progress::CancelToken;
use crate::role::Capability;
use crate::store::connection::Database;
use crate::store::read::View;
use crate::store::{log, tokens};
use crate::token::SignInSession;
use crate::units::Time;
use crate::user::User;

impl Local {
    pub(super) fn sessions_of(&self, of: UserId) -> Result<Vec<SignInSession>> {
        self.in_person()?;
        self.may_have_tokens(of)?;
        self.store.check_current()?;
        self.read(Capability::View, &CancelToken::new(), |view| {
            view.need_user(of)?;
            self.listed(view.session, of)
        })
    }

    /// The sessions of a user that can still be used or renewed; the one that asks is marked.
    fn listed(&self, session: &Database, of: UserId) -> Result<Vec<SignInSession>> {
        let mut sessions = tokens::sessions(session, of, (self.clock)())?;
        let own = self.scope.token.as_ref().map(|token| token.id);
        for one in &mut sessions {
            one.is_current = Some(one.id) == own;
        }
        Ok(sessions)
    }

    pub(super) fn end_session_of(&self, id: TokenId) -> Result<SignInSession> {
        let missing = || Error::not_found("session", format!("#{}", id.0));
        self.ending(|view, now| {
            // One that the caller may not know of reads the same as none; as much is looked for.
            let owner =
                tokens::by_id(view.session, id)?.filter(|token| token.person).map(|token| token.user);
            let user = view.need_user(owner.unwrap_or(UserId(0))).map_err(|_| missing())?;
            self.may_have_tokens(user.id).map_err(|_| missing())?;
            let ended = self.listed(view.session, user.id)?.into_iter().find(|one| one.id == id);
            let ended = ended.ok_or_else(missing)?;
            tokens::revoke(view.session, id)?;
            log_ended(view, &user, 1, now)?;
            Ok(ended)
        })
    }

    pub(super) fn end_sessions_of(&self, of: UserId) -> Result<u64> {
        self.may_have_tokens(of)?;
        self.ending(|view, now| {
            let user = view.need_user(of)?;
            let others = self.listed(view.session, of)?.into_iter().filter(|one| !one.is_current);
            let ended =
                others.map(|one| tokens::revoke(view.session, one.id)).collect::<Result<Vec<_>>>()?;
            let ended = ended.len() as u64;
            if ended > 0 {
                log_ended(view, &user, ended, now)?;
            }
            Ok(ended)
        })
    }

    /// Runs what ends sessions in a transaction, for a user in person who may write.
    fn ending<T>(&self, work: impl FnOnce(&View<'_>, Time) -> Result<T>) -> Result<T> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        let session = self.store.writer();
        let transaction = super::apply::begin(&session)?;
        let view = View::new(&session, &self.scope, None)?;
        let done = work(&view, (self.clock)())?;
        transaction.commit()?;
        Ok(done)
    }
}

fn log_ended(view: &View<'_>, user: &User, sessions: u64, now: Time) -> Result<()> {
    let body = json!({ "user": user.id.0, "email": user.email, "account": user.account.0, "sessions": sessions });
    let rev = append(view.session, view.scope.actor(), "end-session", body, now)?;
    log::touch_if_absent(view.session, rev, user.account)
}
