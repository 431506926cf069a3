// Fills in the embed code for this host and its policy.
(async () => {
  const { policies } = await (await fetch("/api/v1/policies")).json();
  const [policy] = policies;
  const code = `<script src="${location.origin}/widget.js" data-policy="${policy.id}" async></script>`;
  document.getElementById("code").textContent = code;
  document.getElementById("csp").textContent = `script-src ${location.origin}; connect-src ${location.origin}`;
  document.getElementById("policy").href =
    `/policies/${encodeURIComponent(policy.id)}/${encodeURIComponent(policy.version)}`;
  document.getElementById("copy").addEventListener("click", async () => {
    const copied = navigator.clipboard ? navigator.clipboard.writeText(code) : Promise.reject(new Error());
    document.getElementById("copied").textContent = await copied.then(() => "Copied.", () => "Select the code to copy it.");
  });
})();
