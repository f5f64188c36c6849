//! A server before anybody is signed in there.

use estate::{Chosen, Error, Invited, Result, SignIn};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::answer::{self, MAX_SMALL};
use super::link::{self, Server};
use crate::credentials::Kept;
use crate::remote::reason;

/// Where one signs in.
pub struct SignInClient {
    server: Server,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl SignInClient {
    /// The door of a server.
    pub fn new(server: Server) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Error::io("cannot begin", e))?;
        Ok(Self { client: link::client(&server)?, server, runtime })
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &Json) -> Result<T> {
        let far = |reason| Error::Unreachable { server: self.server.url.clone(), reason };
        let request = self.client.post(format!("{}{path}", self.server.url)).json(body);
        let answered = async {
            let response = request.send().await.map_err(|e| far(reason::reason(&e)))?;
            let status = response.status();
            let strange = || far(reason::strange(status));
            if !status.is_success() {
                return Err(link::read_problem(response).await.unwrap_or_else(strange));
            }
            let body = answer::read_body(response, MAX_SMALL).await?;
            answer::parse(&body).map_err(|_| strange())
        };
        let limit = self.server.waits.sign_in;
        self.runtime.block_on(async {
            let late = || far("it does not answer".into());
            tokio::time::timeout(limit, answered).await.unwrap_or_else(|_| Err(late()))
        })
    }

    /// Signs in by password.
    pub fn sign_in(&self, by: &SignIn) -> Result<Kept> {
        let SignIn { email, password, code, account, .. } = by;
        let mut body = json!({ "email": email, "password": password, "code": code });
        // A server of an earlier version knows no such member.
        if let Some(account) = account {
            body["account"] = json!(account);
        }
        self.post("/v1/sessions", &body)
    }

    /// Whom a link lets in.
    pub fn find_link(&self, link: &str) -> Result<Invited> {
        self.post("/v1/links", &json!({ "link": link }))
    }

    /// Goes in by a link.
    pub fn accept(&self, link: &str, chosen: &Chosen) -> Result<Kept> {
        let Chosen { password, name, code, .. } = chosen;
        let body = json!({ "link": link, "name": name, "password": password, "code": code });
        self.post("/v1/links/accept", &body)
    }
}
