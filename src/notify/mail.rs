//! Mail over SMTP.

use estate::number::{count, sims};
use estate::units::short_bytes;
use estate::{Attempt, Level, OutboxMessage, text};
use lettre::message::{Mailbox, header};
use lettre::{Message, SmtpTransport, Transport};

use crate::config::MailConfig;
use crate::failure::Failure;

/// Whoever hands mail to a server.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

impl Mailer {
    pub fn new(config: &MailConfig) -> Result<Self, Failure> {
        let named = std::env::var("SIMDECK_SMTP_URL").ok().filter(|url| !url.is_empty());
        let setting = if named.is_some() { "SIMDECK_SMTP_URL" } else { "url" };
        let url = named.unwrap_or_else(|| config.url.clone());
        let bad = |what: &str| Failure::Config(format!("[mail]: {what}"));
        if url.is_empty() {
            return Err(bad("url is missing; or set SIMDECK_SMTP_URL"));
        }
        // The address may hold a password: it is never repeated.
        let transport = SmtpTransport::from_url(&url)
            .map_err(|_| {
                bad(&format!(
                    "{setting} must be like smtps://user:password@host or smtp://host?tls=required"
                ))
            })?
            .timeout(Some(std::time::Duration::from_secs(20)))
            .build();
        let from = config.from.parse().map_err(|_| bad("from must be an address"))?;
        Ok(Self { transport, from })
    }

    pub fn send(&self, letter: &OutboxMessage) -> Attempt {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(error) => return Attempt::Never(error),
        };
        match self.transport.send(&message) {
            Ok(_) => Attempt::Sent,
            // Who refuses us refuses every mail until that is mended; who refuses a recipient does
            // so for good.
            Err(error) if error.is_permanent() && !refuses_us(&error) => {
                Attempt::Never(describe_failure(&error))
            }
            Err(error) => Attempt::Again(describe_failure(&error)),
        }
    }

    fn message(&self, letter: &OutboxMessage) -> Result<Message, String> {
        let to = letter.to.parse::<Mailbox>().map_err(|e| format!("not an address: {e}"))?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject(letter))
            .message_id(Some(format!("<{}>", letter.message_id)))
            .header(header::ContentType::TEXT_PLAIN)
            .body(body(letter))
            .map_err(|e| e.to_string())
    }
}

/// Whether a server wants other credentials, or TLS (RFC 4954 §6).
fn refuses_us(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    matches!(code.as_deref(), Some("530" | "534" | "535" | "538"))
}

/// An error with what caused it, on one line.
fn describe_failure(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text::clean(&text).into_owned()
}

fn subject(letter: &OutboxMessage) -> String {
    if !letter.subject.is_empty() {
        return text::clean(&letter.subject).into_owned();
    }
    let alerts = format!(
        "{} reached {} alert",
        sims(letter.alerts),
        if letter.alerts == 1 { "its" } else { "their" }
    );
    let caps = format!("{} blocked at the cap", sims(letter.caps));
    match (letter.caps, letter.alerts) {
        (0, _) => alerts,
        (_, 0) => caps,
        _ => format!("{caps}, {alerts}"),
    }
}

fn body(letter: &OutboxMessage) -> String {
    if !letter.body.is_empty() {
        return text::clean_lines(&letter.body).into_owned();
    }
    let mut text = format!("{}.\n", subject(letter));
    let mut kind = None;
    for told in &letter.told {
        if kind != Some(told.kind) {
            kind = Some(told.kind);
            text.push_str(match told.kind {
                Level::Cap => {
                    "\nAt the cap: no new data session until it is raised or the billing period ends.\n"
                }
                Level::Alert => "\nAt the alert: service goes on.\n",
            });
        }
        let label =
            if told.label.is_empty() { String::new() } else { format!("  {}", text::clean(&told.label)) };
        text.push_str(&format!(
            "  {}{label}  in {}: {} of {}, noticed {} UTC\n",
            told.iccid,
            text::clean(&told.account),
            short_bytes(told.used),
            short_bytes(told.level),
            told.at.minute(),
        ));
    }
    let rest = (letter.alerts + letter.caps).saturating_sub(letter.told.len() as u64);
    if rest > 0 {
        text.push_str(&format!("  … and {} more; simdeck alerts lists them all\n", count(rest)));
    }
    text.push_str(
        "\nUsage is indicative: operators report late, and a session that is open may go beyond a cap. What is beyond it is \
         charged.\nYou get this because the SIM names your address, because you asked for it in your profile, or because \
         the account names you.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use estate::notify::Told;
    use estate::{Channel, Time};

    use super::*;

    #[test]
    fn many_are_one_message_and_nothing_foreign_gets_into_it() {
        let told = |kind, label: &str| Told {
            id: 1,
            at: Time(1_780_000_000),
            kind,
            iccid: "8900101000000000043".into(),
            label: label.into(),
            account: "Fleet\u{202e}\r\nBcc: x@y.example".into(),
            level: 5_000_000,
            used: 6_000_000,
            period: Time(0),
        };
        let letter = OutboxMessage {
            id: 1,
            channel: Channel::Mail,
            to: "ops@x.example".into(),
            secret: String::new(),
            message_id: "a@simdeck".into(),
            created: Time(0),
            tries: 0,
            subject: String::new(),
            body: String::new(),
            alerts: 1_200,
            caps: 1,
            told: vec![told(Level::Cap, "Van\x1b[2J"), told(Level::Alert, "")],
        };
        let config =
            MailConfig { url: "smtp://localhost".into(), from: "simdeck <alerts@x.example>".into() };
        let message = Mailer::new(&config).expect("mailer").message(&letter).expect("message");
        let text = String::from_utf8(message.formatted()).expect("text");
        let (head, rest) = text.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains("Message-ID: <a@simdeck>") && head.contains("To: ops@x.example"), "{head}");
        assert!(
            head.contains("Subject: 1 SIM blocked at the cap, 1,200 SIMs reached their alert"),
            "{head}"
        );
        assert!(
            !head.contains("Bcc") && !text.contains('\x1b') && !body(&letter).contains('\u{202e}'),
            "{text}"
        );
        assert!(body(&letter).contains("and 1,199 more") && !rest.is_empty());
        let bad = OutboxMessage { to: "no address".into(), ..letter };
        assert!(matches!(Mailer::new(&config).expect("mailer").send(&bad), Attempt::Never(_)));
    }
}
