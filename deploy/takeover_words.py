"""What comparing a version and signing for it say and refuse, in English and in Spanish (``deploy.said``)."""

from __future__ import annotations

from typing import Final

from contracts.words import Words

SENTENCES: Final[Words] = {
    # -- a file of thresholds, a file of labels
    "no_toml": {"en": "{path} is not TOML: {why}", "es": "{path} no es TOML: {why}"},
    "no_utf8": {
        "en": "{path} is not text in UTF-8: save the file as UTF-8",
        "es": "{path} no es texto en UTF-8: guarde el archivo como UTF-8",
    },
    "no_table": {"en": "{path} has no table [rules.{rule}]", "es": "{path} no tiene la tabla [rules.{rule}]"},
    "no_thresholds": {
        "en": "{path} has no thresholds that can be: {why}",
        "es": "{path} no tiene umbrales posibles: {why}",
    },
    "unread": {"en": "{path} can't be read: {why}", "es": "no se puede leer {path}: {why}"},
    "label_utf8": {
        "en": "{path}, line {line} is not text in UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)",
        "es": "{path}, línea {line}: no es texto en UTF-8; guarde el archivo como UTF-8 (en Excel: CSV UTF-8)",
    },
    "label_form": {
        "en": "{path}, line {line}: must be an alert's id, a comma, and right or wrong; there is: {text}",
        "es": "{path}, línea {line}: debe ser el id de una alerta, una coma y right (acertada) o wrong (falsa); "
        "dice: {text}",
    },
    "label_short": {
        "en": "{path}, line {line}: {id} may be the beginning of several alerts' ids: write at least {least} "
        "characters, or all 32",
        "es": "{path}, línea {line}: {id} puede ser el inicio del id de varias alertas; escriba al menos {least} "
        "caracteres, o los 32",
    },
    "label_twice": {
        "en": "{path}: line {first} says {was} of an alert, and line {line} says {now} of the same ({id}): keep one of "
        "the two",
        "es": "{path}: la línea {first} dice {was} de una alerta y la línea {line} dice {now} de la misma ({id}); deje "
        "una de las dos",
    },
    # -- what is asked for
    "name_version": {
        "en": "name the new version: --model, --candidate, or both",
        "es": "indique la nueva versión: --model, --candidate o ambas",
    },
    "no_corridors": {
        "en": "--corridor: {rule} knows of no corridors; leave it out",
        "es": "--corridor: {rule} no conoce corredores; quítelo",
    },
    "no_version": {
        "en": "{rule} has no version {version}; there are {known}",
        "es": "{rule} no tiene la versión {version}; existen {known}",
    },
    "no_file": {
        "en": "no file of adoptions is set: name it in PUENTE_ADOPTIONS, or with --to",
        "es": "no está indicado el archivo de autorizaciones: nómbrelo en PUENTE_ADOPTIONS o con --to",
    },
    "no_name": {"en": "--by: say who: a person and agency", "es": "--by: diga quién: una persona y su organismo"},
    "report_says": {
        "en": "a report says itself which version it is of: leave --rule and --model out",
        "es": "el informe dice él mismo de qué versión es: quite --rule y --model",
    },
    "name_report": {
        "en": "name a report; or a version, by --rule and --model, and the reason for it with --waive",
        "es": "indique un informe; o una versión, con --rule y --model, y el motivo con --waive",
    },
    # -- a report
    "no_report": {
        "en": "{path} is no report to sign: {what}.\nGive the file that `puente detectors shadow --json FILE` wrote, "
        "as it wrote it",
        "es": "{path} no es un informe que se pueda firmar: {what}.\nDé el archivo que escribió `puente detectors "
        "shadow --json FILE`, tal como lo escribió",
    },
    "not_json": {"en": "it is not JSON", "es": "no es JSON"},
    "not_object": {
        "en": "it is JSON, but no object with a report's fields",
        "es": "es JSON, pero no un objeto con los campos de un informe",
    },
    "no_seal": {
        "en": "it is JSON of something else, without a report's seal (report_sha256)",
        "es": "es JSON de otra cosa, sin el sello de un informe (report_sha256)",
    },
    "no_field": {
        "en": "its field {field} is missing, or is none that a report has",
        "es": "su campo {field} falta, o no es como el de un informe",
    },
    "unknown_model": {
        "en": "it is of {model}, a version that this release does not have; there are {known}",
        "es": "es de {model}, una versión que este programa no tiene; existen {known}",
    },
    "altered": {
        "en": "{path} has been altered since it was written: compare again",
        "es": "{path} fue alterado después de escribirse: compare de nuevo",
    },
    "other_content": {
        "en": "{model} was compared with another content ({there}) than this release's ({here}): compare again:\n"
        "  {compare}",
        "es": "{model} se comparó con otro contenido ({there}) que el de este programa ({here}); compare de nuevo:\n"
        "  {compare}",
    },
    "own": {
        "en": "{model} is the release's own: its thresholds need no leave, and are set in [rules.{rule}].\nTo sign "
        "for the model, compare it with what the line told:\n  {compare}",
        "es": "{model} es la del propio programa: sus umbrales no necesitan permiso y se fijan en [rules.{rule}].\n"
        "Para firmar por el modelo, compárelo con lo que la línea avisó:\n  {compare}",
    },
    "own_asks": {
        "en": "From now on no worker with this file starts with another release's own model of {rule} that is not "
        "signed for.",
        "es": "Desde ahora, ningún worker con este archivo arranca con el modelo propio de {rule} de otra versión del "
        "programa sin que se haya firmado por él.",
    },
    "no_ground": {
        "en": "{why}.\nCompare again, and sign that report:\n  {compare}\nOnly where it can't wait for that, sign with "
        "--waive REASON: all who get its alerts are told who did",
        "es": "{why}.\nCompare de nuevo y firme ese informe:\n  {compare}\nSolo si no puede esperar, firme con "
        "--waive MOTIVO: todos los que reciben sus alertas sabrán quién lo hizo",
    },
    "not_ready": {"en": "{model} is not ready ({failed})", "es": "{model} no está lista ({failed})"},
    "some_corridors": {
        "en": "{model} was compared on {corridors} alone, and would judge every corridor: compare without --corridor",
        "es": "{model} se comparó solo en {corridors} y juzgaría todos los corredores: compare sin --corridor",
    },
    "itself": {
        "en": "{model} was compared with itself: that says nothing",
        "es": "{model} se comparó consigo misma: eso no dice nada",
    },
    "perhaps_itself": {
        "en": "WARNING: {count} of the {all} episodes that the line told are of {model} too. Alerts bear a version's "
        "name and no hash of its content: if that was this release's, {model} was compared with itself there, which "
        "says nothing.",
        "es": "ADVERTENCIA: {count} de los {all} episodios que la línea avisó son también de {model}. Las alertas "
        "llevan el nombre de la versión y no un hash de su contenido: si era el de este programa, allí {model} se "
        "comparó consigo misma, y eso no dice nada.",
    },
    "other_old": {
        "en": "the {model} it was compared with has another content than this release's ({here})",
        "es": "la {model} con que se comparó tiene otro contenido que el de este programa ({here})",
    },
    "other_kafka": {
        "en": "{model} was compared on another Kafka ({there}) than this line's ({here})",
        "es": "{model} se comparó en otro Kafka ({there}) que el de esta línea ({here})",
    },
    "old": {
        "en": "the newest record that was compared is {days:.0f} days old; at most {most}",
        "es": "el registro más reciente que se comparó tiene {days:.0f} días; como máximo {most}",
    },
    "doubt": {
        "en": "WARNING: {of}: whether it is of this line is not checked.",
        "es": "ADVERTENCIA: {of}: no se comprueba si es de esta línea.",
    },
    "of_kafka": {"en": "the report is of Kafka {there}", "es": "el informe es del Kafka {there}"},
    "of_kafka_not_here": {
        "en": "the report is of Kafka {there}; which the line's is, is not known here (PUENTE_KAFKA)",
        "es": "el informe es del Kafka {there}; aquí no se sabe cuál es el de la línea (PUENTE_KAFKA)",
    },
    "of_none": {
        "en": "the report does not say of which Kafka it is",
        "es": "el informe no dice de qué Kafka es",
    },
    "of_none_not_here": {
        "en": "the report does not say of which Kafka it is; which the line's is, is not known here (PUENTE_KAFKA)",
        "es": "el informe no dice de qué Kafka es; aquí no se sabe cuál es el de la línea (PUENTE_KAFKA)",
    },
    # -- the file of adoptions
    "not_added": {
        "en": "{path} can't be read and added to: {why}; name a file in a folder of yours with --to",
        "es": "no se puede leer ni ampliar {path}: {why}; indique con --to un archivo en una carpeta suya",
    },
    "no_record": {
        "en": "{path}, line {line} is no record of an adoption; until it is put right, no record of the file counts.\n"
        "  Two records on one line: put each on a line of its own.\n  Else: bring the line back as it was reviewed, or "
        "take it out and sign for that version anew",
        "es": "{path}, línea {line}: no es el registro de una autorización; hasta que se corrija, ningún registro del "
        "archivo vale.\n  Si hay dos registros en una línea, ponga cada uno en la suya.\n  Si no, devuelva la línea "
        "como fue revisada, o quítela y firme de nuevo por esa versión",
    },
    "altered_record": {
        "en": "{path}, line {line} has been altered since it was written; until it is put right, no record of the file "
        "counts.\n  bring the line back as it was reviewed, or take it out and sign for that version anew",
        "es": "{path}, línea {line}: fue alterada después de escribirse; hasta que se corrija, ningún registro del "
        "archivo vale.\n  Devuelva la línea como fue revisada, o quítela y firme de nuevo por esa versión",
    },
    # -- what was signed, and what judges by it
    "signed": {"en": "{path}: {judging}.", "es": "{path}: {judging}."},
    "to_set": {
        "en": "For each worker (on another machine, the path of its copy there):",
        "es": "Para cada worker (en otra máquina, la ruta de su copia allí):",
    },
    "judges_own": {"en": "{model}, the release's own", "es": "{model}, la del propio programa"},
    "judges_signed": {"en": "{model}, the release's own, {leave}", "es": "{model}, la del propio programa, {leave}"},
    "judges": {
        "en": "{model} in place of {own}, {leave}; it {learnt}",
        "es": "{model} en lugar de {own}, {leave}; {learnt}",
    },
    "goes_on": {"en": "goes on from what {own} has learnt", "es": "sigue desde lo que aprendió {own}"},
    "begins": {"en": "begins anew where {own} judged", "es": "empieza de cero donde juzgaba {own}"},
    "not_compared": {
        "en": "NOT COMPARED, waived by {by} at {at}: {reason}",
        "es": "SIN COMPARAR, lo autorizó {by} el {at}: {reason}",
    },
    "waived": {
        "en": "NOT READY ({failed}; {on}), waived by {by} at {at}: {reason}",
        "es": "NO LISTA ({failed}; {on}), lo autorizó {by} el {at}: {reason}",
    },
    "nothing_failed": {"en": "nothing failed", "es": "nada falló"},
    "ready": {
        "en": "ready ({on}, {where}), signed by {by} at {at}",
        "es": "lista ({on}, {where}), firmado por {by} el {at}",
    },
    "what_was_told": {"en": "what the line told ({by})", "es": "lo que la línea avisó ({by})"},
    "compared_on": {
        "en": "{count} compared with {against}, {since} to {until}",
        "es": "{count} comparados con {against}, de {since} a {until}",
    },
    "on_kafka": {"en": "on Kafka {cluster}", "es": "en el Kafka {cluster}"},
    "on_unnamed": {
        "en": "on a Kafka that the record does not name",
        "es": "en un Kafka que el registro no nombra",
    },
    # -- while it follows
    "progress": {
        "en": "{heard:,} {judged} heard, {compared:,} compared; {left_s:.0f} s to go (Ctrl-C: what there is so far)",
        "es": "se han oído {heard:,} {judged} y comparado {compared:,}; faltan {left_s:.0f} s (Ctrl-C: lo comparado "
        "hasta entonces)",
    },
}  # fmt: skip
