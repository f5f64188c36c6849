//! Who asks: tokens and the sessions they opened, kept for as long as they are good.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use estate::{Local, Roles, Secret};
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// How many sessions are kept open: each holds connections to the store.
const KEPT: usize = 64;

/// The sessions of one store.
pub(crate) struct Sessions {
    store: PathBuf,
    roles: Roles,
    read_only: bool,
    /// Whoever owns the file: asked for nothing but whether the store can be read.
    pub(super) owner: Arc<Local>,
    /// By the hash of the token: a core dump holds none.
    open: Mutex<HashMap<[u8; 32], Arc<Local>>>,
}

/// The token a request came with.
pub(super) fn secret(headers: &HeaderMap) -> Result<Secret, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        given.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    token.and_then(|(_, token)| Secret::read(token.trim())).ok_or_else(Problem::unsigned)
}

impl Sessions {
    pub(super) fn new(store: PathBuf, roles: Roles, owner: Arc<Local>, read_only: bool) -> Self {
        Self { store, roles, read_only, owner, open: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Local>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of whoever has that token. One that was opened earlier finds out by itself, at each read, whether the
    /// token is still good.
    pub(super) fn open(&self, secret: &Secret) -> estate::Result<Arc<Local>> {
        let key: [u8; 32] = Sha256::digest(secret.reveal().as_bytes()).into();
        let known = self.kept().get(&key).cloned();
        if let Some(local) = known {
            if local.still().is_ok() {
                return Ok(local);
            }
            self.kept().remove(&key);
        }
        let local =
            Local::by_token(&self.store, secret, self.read_only)?.with_roles(self.roles.clone()).via("API");
        let local = Arc::new(local);
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            // Whoever it was signs in anew; requests that run keep theirs.
            let some = kept.keys().next().copied();
            some.and_then(|key| kept.remove(&key));
        }
        kept.insert(key, Arc::clone(&local));
        Ok(local)
    }
}
