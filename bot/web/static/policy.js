// Scrolls to the quoted words, in place of a fragment: the words' place depends on the link alone.
document.getElementById("cited")?.scrollIntoView({ block: "center" });
