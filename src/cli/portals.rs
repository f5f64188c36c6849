//! `simdeck portals`: the files of which portals are known.

use estate::portals::{Portal, SHIPPED, all};
use serde_json::json;

use super::output::{self, check_written};
use super::{Context, Outcome};
use crate::config::{own_portals, portals_dir};
use crate::failure::{Exit, Failure};

/// List the portals whose files are recognised, or print the portal file of one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file of your own, portals/NAME.toml in the configuration folder, adds a portal or replaces the shipped\n\
                  one of that name. Start from simdeck import FILE --explain.\n\nExamples:\n  \
                  simdeck portals\n  simdeck portals aeris"
)]
pub struct Args {
    /// Print this portal file
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let own = own_portals()?;
    let is_own = |portal: &Portal| own.iter().any(|other| other.name == portal.name);
    if let Some(name) = &args.name {
        return print(name, own.iter().any(|portal| portal.name == *name));
    }
    let portals = all(&own)?;
    let rows: Vec<Vec<String>> = portals
        .iter()
        .map(|portal| {
            let from = if is_own(portal) { "own" } else { "shipped" };
            let recognised = portal.headers.join(", ");
            vec![
                portal.name.clone(),
                portal.title.clone(),
                portal.holds.word().to_owned(),
                from.to_owned(),
                recognised,
            ]
        })
        .collect();
    let objects = portals.iter().map(|portal| {
        json!({ "name": portal.name, "title": portal.title, "holds": portal.holds.word(), "own": is_own(portal),
            "headers": portal.headers, "source": portal.source })
    });
    output::list(
        context,
        &["name", "title", "holds", "from", "recognised_by"],
        &rows,
        objects.collect(),
    )?;
    Ok(Exit::Done)
}

fn print(name: &str, is_own: bool) -> Outcome {
    let shipped = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
    let text = match (is_own, shipped) {
        (true, _) => {
            let path = portals_dir().join(format!("{name}.toml"));
            std::fs::read_to_string(&path)
                .map_err(|e| Failure::io(format!("cannot read {}", path.display()), e))?
        }
        (false, Some((_, text))) => (*text).to_owned(),
        (false, None) => {
            return Err(Failure::Usage(format!(
                "no portal is called {name}; simdeck portals lists them"
            )));
        }
    };
    check_written(std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes()))?;
    Ok(Exit::Done)
}
