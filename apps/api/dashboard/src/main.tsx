import { render } from 'preact';
import { Dashboard } from './dashboard.tsx';
import './dashboard.css';

const root = document.getElementById('app');
if (root !== null) render(<Dashboard />, root);
