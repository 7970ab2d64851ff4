// Goes on from the "You are signed out" page when the other sites were told: when all of its
// frames have loaded, or after two seconds. Without scripts there is the link.
(function () {
  "use strict";
  var LONGEST_WAIT = 2000;
  var onward = document.getElementById("onward");
  if (!onward) return;
  var gone = false;
  function go() {
    if (gone) return;
    gone = true;
    window.location.replace(onward.href);
  }
  // By the time of the window's load event every frame of the page has loaded, or failed.
  if (document.readyState === "complete") go();
  else window.addEventListener("load", go);
  setTimeout(go, LONGEST_WAIT);
})();
