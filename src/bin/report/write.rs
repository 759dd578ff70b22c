//! What `report` writes.

use mx_survey::program::output::Stdout;
use mx_survey::report::asked::ReportSettings;
use mx_survey::report::output::{self, OutputFormat};
use mx_survey::report::screen::screen;
use mx_survey::report::survey::Survey;
use mx_survey::report::tell;
use mx_survey::study;

use super::options::Args;

/// Writes what is asked for; false: a domain is not in the survey.
pub fn write(
    out: &mut Stdout,
    args: &Args,
    survey: &Survey,
    asked: &ReportSettings,
    complain: &mut dyn FnMut(&str),
) -> anyhow::Result<bool> {
    let format = args.format;
    if !args.explain.is_empty() {
        let paints = args.how.color.paints();
        return output::cards(out, survey, asked, &args.explain, format, paints, complain);
    }
    if let Some(whom) = args.how.tell {
        tell::write(out, survey, asked, whom, format)?;
        return Ok(true);
    }
    let catalogue = study::catalogue();
    if args.table.is_empty() && !args.study && format == OutputFormat::Text {
        match &asked.since {
            Some(comparison) => output::changes(out, survey, asked, comparison)?,
            None => screen(out, survey, asked, catalogue)?,
        }
        return Ok(true);
    }
    let named = args.questions();
    let tables = output::answers(survey, asked, &named, catalogue, args.study, format)?;
    match &args.into {
        Some(directory) => output::write_files(directory, &tables)?,
        None => output::write(out, survey, asked, &tables, format)?,
    }
    Ok(true)
}
