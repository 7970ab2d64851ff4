// The form of a photo: says at once that a file is too large, before it is sent. Without scripts
// the answer of the server says it.
(function () {
  "use strict";
  var LARGEST = 10 * 1024 * 1024;
  var input = document.querySelector('input[type="file"][name="photo"]');
  if (!input) return;
  var note = document.createElement("p");
  note.className = "error";
  note.setAttribute("role", "alert");
  input.insertAdjacentElement("afterend", note);
  function tooLarge() {
    var file = input.files[0];
    return Boolean(file && file.size > LARGEST);
  }
  var answer = document.getElementById("photo-error");
  input.addEventListener("change", function () {
    if (answer) answer.hidden = true; // it was about another file
    note.textContent = tooLarge() ? "The file is larger than 10 MB." : "";
  });
  input.form.addEventListener("submit", function (event) {
    if (tooLarge()) event.preventDefault();
  });
})();
