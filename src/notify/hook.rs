//! Webhooks: one signed POST a message, in the form of the Standard Webhooks specification.

use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use base64::Engine as _;
use estate::notify::Told;
use estate::{Attempt, Letter, Time};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

/// A server that takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever calls webhooks.
pub struct Hooks {
    agent: ureq::Agent,
    allow_private: bool,
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
        Self { agent: config.new_agent(), allow_private }
    }

    pub fn send(&self, letter: &Letter) -> Attempt {
        if let Err(why) = self.may_call(&letter.to) {
            return why;
        }
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
            Err(error) => Attempt::Again(estate::text::clean(&error.to_string()).into_owned()),
        }
    }

    /// Refuses addresses of this machine and of private networks, unless the configuration allows them.
    fn may_call(&self, url: &str) -> Result<(), Attempt> {
        if self.allow_private {
            return Ok(());
        }
        let bad = || Attempt::Never("not a URL that can be called".into());
        let uri: ureq::http::Uri = url.parse().map_err(|_| bad())?;
        let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let found =
            (host, port).to_socket_addrs().map_err(|e| Attempt::Again(format!("cannot find {host}: {e}")))?;
        let mut found = found.peekable();
        if found.peek().is_none() {
            return Err(Attempt::Again(format!("cannot find {host}")));
        }
        if found.any(|address| is_private(address.ip())) {
            let why = "it is an address of a private network; [webhook] allow_private = true allows them";
            return Err(Attempt::Never(why.into()));
        }
        Ok(())
    }
}

/// What is not an address of the public internet (IANA special-purpose registries), and what could stand for one.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let reserved =
                a == 0 || a >= 224 || (a == 100 && (64..128).contains(&b)) || (a == 192 && b == 0 && c == 0);
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

/// The HMAC-SHA-256 of id, time and body, so that the receiver knows who sent it and that nothing was changed.
fn signature(secret: &str, id: &str, at: i64, body: &str) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    let key = engine.decode(secret.trim_start_matches("whsec_")).unwrap_or_else(|_| secret.into());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key fits");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    let sum = engine.encode(mac.finalize().into_bytes());
    format!("v1,{sum}")
}

fn body(letter: &Letter) -> String {
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
            assert!(matches!(hooks.may_call(url), Err(Attempt::Never(_))), "{url}");
        }
        assert_eq!(hooks.may_call("https://192.0.2.1/"), Ok(()));
        assert_eq!(Hooks::new(true).may_call("http://127.0.0.1/"), Ok(()));
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
