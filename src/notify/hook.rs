//! Webhooks: one signed POST a message, in the form of the Standard Webhooks specification.

use std::time::Duration;

use base64::Engine as _;
use estate::notify::{Told, is_private};
use estate::{Attempt, OutboxMessage, Time};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// A server that takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever calls webhooks.
pub struct Hooks {
    agent: ureq::Agent,
}

impl Hooks {
    pub fn new(allow_private: bool) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // Whoever answers with another address could lead the request anywhere.
            .max_redirects(0)
            .http_status_as_error(false)
            // The address that was looked at is the one that is called.
            .proxy(None)
            .user_agent(concat!("simdeck/", env!("CARGO_PKG_VERSION")))
            .build();
        let looked = Looked { by: DefaultResolver::default(), allow_private };
        Self { agent: ureq::Agent::with_parts(config, DefaultConnector::new(), looked) }
    }

    pub fn send(&self, letter: &OutboxMessage) -> Attempt {
        let (body, at) = (body(letter), Time::now().0);
        let answer = self
            .agent
            .post(&letter.to)
            .header("content-type", "application/json")
            .header("webhook-id", &letter.message_id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signature(&letter.secret, &letter.message_id, at, &body))
            .send(&body);
        match answer {
            Ok(answer) if answer.status().is_success() => Attempt::Sent,
            // The receiver says that it is gone for good.
            Ok(answer) if answer.status().as_u16() == 410 => Attempt::Never("answered 410 Gone".into()),
            Ok(answer) => Attempt::Again(format!("answered {}", answer.status())),
            Err(ureq::Error::Other(why)) if why.is::<Private>() => Attempt::Never(why.to_string()),
            Err(ureq::Error::BadUri(_)) => Attempt::Never("not a URL that can be called".into()),
            Err(error) => Attempt::Again(estate::text::clean(&error.to_string()).into_owned()),
        }
    }
}

/// An address that is nobody's to call.
#[derive(Debug, thiserror::Error)]
#[error("it is an address of a private network; [webhook] allow_private = true allows them")]
struct Private;

/// Finds addresses, and refuses those of this machine and of private networks unless the
/// configuration allows them. What is found here is what is called: a name that stands for another
/// address a moment later leads nowhere else.
#[derive(Debug)]
struct Looked<R> {
    by: R,
    allow_private: bool,
}

impl<R: Resolver> Resolver for Looked<R> {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.by.resolve(uri, config, timeout)?;
        let private = found.iter().any(|address| is_private(address.ip()));
        if private && !self.allow_private {
            Err(ureq::Error::Other(Box::new(Private)))
        } else {
            Ok(found)
        }
    }
}

/// The HMAC-SHA-256 of id, time and body, so that the receiver knows who sent it and that nothing
/// was changed.
fn signature(secret: &str, id: &str, at: i64, body: &str) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    let key = engine.decode(secret.trim_start_matches("whsec_")).unwrap_or_else(|_| secret.into());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key fits");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    let sum = engine.encode(mac.finalize().into_bytes());
    format!("v1,{sum}")
}

fn body(letter: &OutboxMessage) -> String {
    let event = |told: &Told| {
        json!({ "id": told.id, "at": told.at.to_string(), "kind": told.kind.word(), "iccid": told.iccid,
                "label": told.label, "account": told.account, "level_bytes": told.level, "used_bytes": told.used,
                "period_start": told.period.to_string() })
    };
    json!({
        "type": "usage.level_reached",
        "id": letter.message_id,
        "created_at": letter.created.to_string(),
        "alerts": letter.alerts,
        "caps": letter.caps,
        "more": (letter.alerts + letter.caps).saturating_sub(letter.told.len() as u64),
        "events": letter.told.iter().map(event).collect::<Vec<_>>(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn private_networks_are_no_ones_to_call() {
        let hooks = Hooks::new(false);
        for url in [
            "http://127.0.0.1:9/",
            "http://[::1]/",
            "https://10.1.2.3/x",
            "http://169.254.169.254/latest",
            "http://[::ffff:192.168.0.1]/",
            "http://0.0.0.0/",
            "http://0.1.2.3/",
            "http://198.18.0.1/",
            "http://[64:ff9b::a00:1]/",
            "http://[2002:a00:1::]/",
        ] {
            let refused = |e: &ureq::Error| matches!(e, ureq::Error::Other(why) if why.is::<Private>());
            assert!(hooks.agent.get(url).call().is_err_and(|e| refused(&e)), "{url}");
        }
        assert!(!is_private([192, 0, 2, 1].into()));
    }

    /// Says another address each time it is asked.
    #[derive(Debug, Default)]
    struct Rebinds(std::sync::atomic::AtomicU16, u16);

    impl Resolver for Rebinds {
        fn resolve(
            &self,
            _: &ureq::http::Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let ip: IpAddr = if asked == 0 { [192, 0, 2, 1].into() } else { [127, 0, 0, 1].into() };
            let mut found = self.empty();
            found.push((ip, self.1).into());
            Ok(found)
        }
    }

    #[test]
    fn a_name_that_stands_for_another_address_the_next_time_leads_nowhere_else() {
        let inside = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
        inside.set_nonblocking(true).expect("set");
        let port = inside.local_addr().expect("address").port();
        let looked = Looked { by: Rebinds(0.into(), port), allow_private: false };
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_millis(300))).build();
        let agent = ureq::Agent::with_parts(config, DefaultConnector::new(), looked);
        for _ in 0..3 {
            assert!(agent.get("http://rebind.example/").call().is_err());
        }
        assert!(inside.accept().is_err(), "nobody came");
    }

    #[test]
    fn what_is_signed_can_be_checked() {
        // Computed with openssl dgst -sha256 -hmac secret; c2VjcmV0 is secret in Base64.
        assert_eq!(
            signature("whsec_c2VjcmV0", "m1", 1, "{}"),
            "v1,k0V+nUcNucZ1ZZ336clVYZH0ibBBudJfvCDTRZZ9COA="
        );
    }
}
