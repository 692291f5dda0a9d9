//! Internal processes (quy trình nội bộ): the steps of a dossier inside the competent office.

use crate::directory::Extensions;
use crate::directory::agency::Role;

/// One internal process. A changed process gets a new code or comes with a new directory version; dossiers
/// that are open keep the steps they have.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Its code, unique in the directory.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its steps in order, each code once; at least one.
    pub steps: Vec<Step>,
    /// Fields for others.
    pub extensions: Extensions,
}

/// One step of an internal process.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its code, unique in its workflow, such as `B3`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Who does it.
    pub role: Role,
    /// Working time it is given, in minutes (in files: `hours`, in quarters).
    pub minutes: u32,
    /// Whether it counts in the term (trả kết quả does not).
    pub is_counted: bool,
}

impl Workflow {
    /// A step by its code.
    #[must_use]
    pub fn step(&self, code: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.code == code)
    }

    /// The step that a dossier begins at.
    #[must_use]
    pub fn first(&self) -> Option<&Step> {
        self.steps.first()
    }

    /// The step after `code`; the first one when `code` is `None` (no step yet); `None` after the last step
    /// and for a step this workflow does not have.
    #[must_use]
    pub fn next(&self, code: Option<&str>) -> Option<&Step> {
        match code {
            None => self.first(),
            Some(code) => self.position(code).and_then(|at| self.steps.get(at + 1)),
        }
    }

    /// The step before `code`; `None` before the first step and for a step this workflow does not have.
    #[must_use]
    pub fn previous(&self, code: &str) -> Option<&Step> {
        self.position(code)?.checked_sub(1).and_then(|at| self.steps.get(at))
    }

    /// The working time of the counted steps, in minutes.
    #[must_use]
    pub fn counted_minutes(&self) -> u64 {
        self.steps.iter().filter(|step| step.is_counted).map(|step| u64::from(step.minutes)).sum()
    }

    fn position(&self, code: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow() -> Workflow {
        let step = |code: &str, is_counted| Step {
            code: code.to_owned(),
            name: code.to_owned(),
            role: Role::CaseOfficer,
            minutes: 90,
            is_counted,
        };
        Workflow {
            code: "QT".to_owned(),
            name: "QT".to_owned(),
            steps: vec![step("B1", true), step("B2", true), step("B3", false)],
            extensions: Extensions::new(),
        }
    }

    #[test]
    fn steps_are_walked_in_both_directions() {
        let workflow = workflow();
        let code = |step: Option<&Step>| step.map(|step| step.code.clone());
        assert_eq!(code(workflow.next(None)).as_deref(), Some("B1"));
        assert_eq!(code(workflow.next(Some("B1"))).as_deref(), Some("B2"));
        assert_eq!(code(workflow.next(Some("B3"))), None);
        assert_eq!(code(workflow.next(Some("B9"))), None);
        assert_eq!(code(workflow.previous("B3")).as_deref(), Some("B2"));
        assert_eq!(code(workflow.previous("B1")), None);
    }

    #[test]
    fn only_counted_steps_count() {
        assert_eq!(workflow().counted_minutes(), 180);
    }
}
