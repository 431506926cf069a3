// Fills in the embed code of this host, and lets it be copied.
const origin = location.origin;
const code = (policy) => `<script src="${origin}/widget.js"${policy ? ` data-policy="${policy}"` : ""} async></script>`;

document.getElementById("embed-code").textContent = code();
document.getElementById("csp-code").textContent = `script-src ${origin}; connect-src ${origin}`;

fetch("/api/v1/policies")
  .then((response) => response.json())
  .then(({ policies: [first] }) => (document.getElementById("embed-code").textContent = code(first.id)))
  .catch(() => {}); // the code without a policy does as well

for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    const status = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "Your browser does not allow copying. Select the code instead.";
    }
  });
}
