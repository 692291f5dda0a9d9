//! Work whose words the dictionary has not seen: the workload generator's, and that of the sample directory.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use motcua_node::directory::Directory;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::roles::Office;
use motcua_node::roles::beside;
use motcua_node::roles::province;
use motcua_node::workload;
use motcua_node::workload::Work;
use serde_json::Value;
use serde_json::json;
use sync_protocol::entry::Entry;

use crate::work::Chance;
use crate::work::failed;
use crate::work::own_entries;

/// Dossiers of the sample's procedures that are lodged.
const SAMPLE_DOSSIERS: usize = 150;

fn office(place: &Path, code: &str, seat: &str, directory: &Directory) -> Result<Office, Box<dyn Error>> {
    let witness = place.join("province.witness");
    let name = directory.province().name.clone();
    let province = province::init(&place.join("province"), |_| witness, &code.parse()?, &name, directory)
        .map_err(failed)?;
    let witness = place.join("commune.witness");
    let office =
        beside::enrol(&province, &place.join("commune"), |_| witness, &seat.parse()?).map_err(failed)?;
    beside::session(&office, &province).map_err(failed)?;
    Ok(office)
}

/// What an office writes that does a workload's operations.
pub(crate) fn of_workload(place: &Path, path: &str) -> Result<Vec<Entry>, Box<dyn Error>> {
    let operations = workload::operations(BufReader::new(File::open(path)?))?;
    let seat = operations.first().map_or("", |operation| operation.seat()).to_owned();
    let code = seat.split('.').next().unwrap_or_default().to_owned();
    let text: String = workload::directory(&operations).iter().map(|line| format!("{line}\n")).collect();
    let directory =
        Directory::parse(&text, &ParseBounds::default()).map_err(|faults| format!("{faults:?}"))?;
    let office = office(place, &code, &seat, &directory)?;
    let mut work = Work::default();
    for operation in &operations {
        if let Some(create) = operation.as_create() {
            let answer = office.desk.lodge(&workload::lodging(create).to_string(), true).wait()?;
            work.lodged(create, answer.get("number").and_then(Value::as_str).unwrap_or_default());
        }
        let line = operation.as_event().and_then(|event| work.act(event));
        if let Some(line) = line {
            office.desk.act(&line.to_string(), true).wait()?;
        }
    }
    own_entries(&office)
}

/// What an office writes that works with the sample directory as its officers would: what they note are the names of
/// the directory's own steps.
pub(crate) fn of_sample(place: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    let directory = Directory::sample();
    let seat = "H27.101";
    let office = office(place, "H27", seat, &directory)?;
    let mut chance = Chance(3);
    let procedures: Vec<_> = directory.procedures().filter(|one| one.fees.is_empty()).collect();
    for number in 0..SAMPLE_DOSSIERS {
        let procedure = chance.pick(&procedures);
        let papers: Vec<Value> = procedure
            .components
            .iter()
            .map(|one| json!({ "name": one.name, "component": one.code, "kind": "copy" }))
            .collect();
        let hamlet = chance.pick(&["Tân Tiến", "Đông Phong", "Hồng Hà"]);
        let line = json!({
            "request_id": format!("demo-{number:05}"), "procedure": procedure.code.as_str(), "channel": "direct",
            "officer": format!("{seat}/03"), "summary": procedure.name, "papers": papers,
            "owner": {
                "kind": "citizen", "name": format!("{} Thử", chance.pick(&["Nguyễn Văn", "Trần Thị", "Lê Đức", "Phan Thị Thu"])),
                "id_type": "cccd", "id_no": format!("042{}{:02}9{:05}", chance.below(2), 50 + chance.below(50), chance.below(100_000)),
                "phone": format!("0999{:06}", chance.below(1_000_000)),
                "address": { "text": format!("Thôn {hamlet}, xã Thử, tỉnh Hà Tĩnh"), "commune": "18073", "province": "42" },
            },
        });
        let Ok(answer) = office.desk.lodge(&line.to_string(), false).wait() else { continue };
        let number = answer.get("number").and_then(Value::as_str).unwrap_or_default();
        let steps =
            directory.workflow_of(procedure).map(|workflow| workflow.steps.clone()).unwrap_or_default();
        for step in steps {
            let line = json!({ "number": number, "officer": format!("{seat}/03"), "act": "move_step", "note": step.name });
            office.desk.act(&line.to_string(), false).wait()?;
        }
        for act in ["sign", "finish", "return_result"] {
            let line = json!({ "number": number, "officer": format!("{seat}/03"), "act": act });
            if office.desk.act(&line.to_string(), false).wait().is_err() {
                break;
            }
        }
    }
    own_entries(&office)
}
