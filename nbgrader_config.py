"""nbgrader's settings: the repository is the course, and nbgrader's own commands run on it
unchanged.
"""

from pathlib import Path

from course_utils.grading.classroom.pages import close

ROOT = Path(__file__).resolve().parent
c = get_config()  # noqa: F821

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.db_url = f"sqlite:///{ROOT / 'gradebook.db'}"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc"]

# Whether `course take` takes lessons whole; False leaves out what their tables call extra.
c.Lessons.extra = True

# Submissions are collected by other means than nbgrader's exchange folder.
c.Exchange.root = str(ROOT / "exchange")

# Submissions are graded in a sandbox, by the same code as `course grade`. Without these three lines
# nbgrader runs them itself, as the next ones say.
c.Autograde.exporter_class = "course_utils.grading.outside.autograde.TrustedExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = ["nbgrader.preprocessors.AssignLatePenalties"]

# A command that is run again redoes what may have changed; stock nbgrader wants --force for that.
c.Autograde.force = True
c.GenerateFeedback.force = True

# Whatever of a submission reaches a browser or a table passes course_utils/grading/outside/gate.py.
close()
c.GenerateFeedback.exporter_class = "course_utils.grading.classroom.pages.Feedback"
c.GenerateFeedback.preprocessors = ["course_utils.grading.classroom.pages.Grades"]
c.ExportApp.plugin_class = "course_utils.grading.classroom.exports.PlainExport"

# Downloads of a learning platform are read as `course collect` reads them.
c.ZipCollectApp.extractor_plugin = "course_utils.grading.term.zipcollect.Extractor"
c.ZipCollectApp.collector_plugin = "course_utils.grading.term.zipcollect.Owner"

# What is written to stderr, such as a warning, costs no points.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "^"

c.Execute.timeout = 300
c.KernelManager.transport_encryption = "auto"
