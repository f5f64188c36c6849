//! The account subtree and the role that a session is limited to.

use crate::ids::AccountId;
use crate::permit::Roles;
use crate::token::Token;
use crate::user::User;

/// A user's view: the account subtree, the role and the token that every store function is limited
/// to.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(crate) user: User,
    /// Who looks through that user's eyes, if somebody else does.
    pub(crate) actor: Option<User>,
    /// The account at the top of what is seen.
    pub(crate) top: AccountId,
    /// What a program signed in with.
    pub(crate) token: Option<Token>,
    pub(crate) read_only: bool,
    pub(crate) roles: Roles,
}

impl Scope {
    /// The account at the top of what is seen.
    pub fn top(&self) -> AccountId {
        self.top
    }
}
