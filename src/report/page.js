'use strict';
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'none' ? head.classList.contains('number') : head.getAttribute('aria-sort') === 'ascending';
    heads.forEach((other) => other.setAttribute('aria-sort', 'none'));
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === '' || y === '') return (x === '') - (y === '');
      const both = head.classList.contains('number') ? Number(x) - Number(y) : x.localeCompare(y, 'en', { numeric: true });
      return down ? -both : both;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(order));
  }));
}
const open = () => {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* a name with a stray % is its own id */ }
  const card = document.getElementById(id);
  if (card && card.tagName === 'DETAILS') card.open = true;
};
addEventListener('hashchange', open);
open();
