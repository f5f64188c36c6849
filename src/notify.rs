//! Sends what the outbox holds: as mail over SMTP, as signed requests to webhooks.
//!
//! A message is leased before it is sent and written off after: a crash in between sends it again,
//! with the same Message-ID, so that whoever receives it can tell.

mod hook;
mod mail;

use estate::{Attempt, Channel, Local, OutboxMessage};

use crate::config::{MailConfig, WebhookConfig};
use crate::failure::Failure;

/// What became of the messages that were due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// They went out.
    pub sent: u64,
    /// They are tried again.
    pub again: u64,
    /// They were given up.
    pub given_up: u64,
}

/// Whoever sends.
pub struct Dispatcher {
    mail: Option<mail::Mailer>,
    hooks: hook::Hooks,
}

impl Dispatcher {
    /// One that goes by the configuration.
    pub fn new(mail: Option<&MailConfig>, webhook: &WebhookConfig) -> Result<Self, Failure> {
        Ok(Self {
            mail: mail.map(mail::Mailer::new).transpose()?,
            hooks: hook::Hooks::new(webhook.allow_private),
        })
    }

    /// Sends everything that is due; stops between two messages when it is asked to.
    pub fn deliver(&self, local: &Local, stop: &dyn Fn() -> bool) -> estate::Result<Sent> {
        let mut sent = Sent::default();
        while !stop() {
            // One at a time: its sending ends before its lease does, however slow a server is.
            let Some(letter) = local.letters(1)?.pop() else { break };
            let how = self.send(&letter);
            match &how {
                Attempt::Sent => sent.sent += 1,
                Attempt::Again(error) => {
                    tracing::warn!(to = %letter.to, %error, "not sent");
                    sent.again += 1;
                }
                Attempt::Never(error) => {
                    tracing::warn!(to = %letter.to, %error, "given up");
                    sent.given_up += 1;
                }
            }
            local.record_attempt(&letter, &how)?;
        }
        Ok(sent)
    }

    fn send(&self, letter: &OutboxMessage) -> Attempt {
        match (letter.channel, &self.mail) {
            (Channel::Webhook, _) => self.hooks.send(letter),
            (Channel::Mail, Some(mailer)) => mailer.send(letter),
            (Channel::Mail, None) => Attempt::Again("no mail server is configured".into()),
        }
    }
}
