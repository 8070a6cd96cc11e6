// Takes the payer on to their bank. Without scripts, or if this one does not come, there is a button.
document.getElementById('leave').submit();
