//! What the users of the accounts below an account see as Help and Support: a page, or whom to
//! contact.

use serde::{Deserialize, Serialize};

use crate::account::valid_name;
use crate::edit::line;
use crate::error::{Error, Result};
use crate::{ident, limits, text};

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Help {
    /// A page of text.
    Page {
        /// Its title.
        title: String,
        /// Its text, in Markdown (CommonMark): headings, lists and links are shown as such.
        text: String,
    },
    /// Whom to contact.
    Contact(Contact),
}

/// Whom to contact; what is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// Who they are.
    pub name: String,
    /// The telephone number.
    pub phone: String,
    /// The mail address.
    pub email: String,
    /// When they answer.
    pub hours: String,
    /// Where there is more.
    pub url: String,
}

impl Help {
    /// The same with everything in it made sound, or what is wrong with it.
    pub fn validate(&self) -> Result<Self> {
        match self {
            Self::Page { title, text } => {
                let title = valid_name(title).map_err(|_| {
                    Error::invalid(
                        "title",
                        format!(
                            "must have 1 to {} characters, and none that harm a terminal",
                            limits::NAME
                        ),
                    )
                })?;
                Ok(Self::Page { title, text: page(text)? })
            }
            Self::Contact(contact) => Ok(Self::Contact(contact.validate()?)),
        }
    }

    /// What it is called in lists.
    pub fn describe(&self) -> String {
        match self {
            Self::Page { title, .. } => format!("page «{title}»"),
            Self::Contact(contact) => format!("contact {}", contact.name),
        }
    }
}

impl Contact {
    fn validate(&self) -> Result<Self> {
        let name = valid_name(&self.name)?;
        let email = if self.email.trim().is_empty() { String::new() } else { ident::email(&self.email)? };
        let url = line(&self.url, "url", limits::HELP_FIELD)?;
        let sound = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if !url.is_empty() && (!sound || url.contains(char::is_whitespace)) {
            return Err(Error::invalid("url", "must be an address such as https://help.example.com"));
        }
        let phone = line(&self.phone, "phone", limits::HELP_PHONE)?;
        let hours = line(&self.hours, "hours", limits::HELP_FIELD)?;
        if [&phone, &email, &url].iter().all(|way| way.is_empty()) {
            return Err(Error::invalid("contact", "say how to reach them: a phone, an email or a url"));
        }
        Ok(Self { name, phone, email, hours, url })
    }
}

/// The text of a page, line by line without anything that could harm a terminal.
fn page(text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::invalid("text", "is empty"));
    }
    if text.chars().count() > limits::HELP_PAGE {
        return Err(Error::invalid(
            "text",
            format!("must have at most {} characters", limits::HELP_PAGE),
        ));
    }
    let clean = |(at, line): (usize, &str)| {
        // Tabs are blanks to whoever reads a page.
        let line = line.replace('\t', "    ");
        if !text::has_control(&line) {
            return Ok(line.trim_end().to_owned());
        }
        Err(Error::invalid("text", format!("line {} holds control or direction characters", at + 1)))
    };
    let lines: Vec<String> = text.lines().enumerate().map(clean).collect::<Result<_>>()?;
    Ok(lines.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_harm_or_is_missing_is_refused_by_its_field() {
        let field = |help: Help| match help.validate() {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let page = |title: &str, text: &str| Help::Page { title: title.into(), text: text.into() };
        assert_eq!(field(page("", "x")), "title");
        assert_eq!(field(page("Help", " \n ")), "text");
        assert_eq!(field(page("Help", "one\ntwo\u{1b}[31m")), "text");
        let contact = |phone: &str, email: &str, url: &str| {
            Help::Contact(Contact {
                name: "Support".into(),
                phone: phone.into(),
                email: email.into(),
                url: url.into(),
                ..Contact::default()
            })
        };
        assert_eq!(field(contact("", "", "")), "contact");
        assert_eq!(field(contact("1", "nobody", "")), "email");
        assert_eq!(field(contact("", "", "javascript:alert(1)")), "url");
        assert!(contact("+44 20 7946 0000", "", "").validate().is_ok());
        let Ok(Help::Page { text, .. }) = page("Help", "# Hi\n\ta\r\n\n").validate() else {
            panic!("sound")
        };
        assert_eq!(text, "# Hi\n    a");
    }
}
