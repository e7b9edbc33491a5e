// Guesses before results, and the link maker for a JupyterHub.
document.addEventListener("DOMContentLoaded", () => {
  const results = [...document.querySelectorAll("details.course-result")];
  const after = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  for (const letters of document.querySelectorAll(".course-letters")) {
    letters.hidden = false;
    letters.addEventListener("click", ({ target }) => {
      if (target.tagName !== "BUTTON") return;
      for (const button of letters.children) button.ariaPressed = button === target;
      const result = results.find((each) => after(letters, each));
      if (!result) return;
      result.open = true;
      for (const said of result.querySelectorAll(".course-guess details")) said.open = true;
    });
  }
  addEventListener("beforeprint", () => results.forEach((each) => (each.open = true)));

  const form = document.querySelector(".course-hub");
  form?.addEventListener("input", () => {
    const { hub, repository, branch, path, link } = form.elements;
    if (!form.checkValidity()) return (link.value = "fill in the four fields");
    const folder = repository.value.replace(/(\.git)?\/*$/, "").split("/").pop();
    const asked = new URLSearchParams({
      repo: repository.value, branch: branch.value, urlpath: `lab/tree/${folder}/${path.value}`,
    });
    link.value = `${hub.value.replace(/\/+$/, "")}/hub/user-redirect/git-pull?${asked}`;
  });
});
